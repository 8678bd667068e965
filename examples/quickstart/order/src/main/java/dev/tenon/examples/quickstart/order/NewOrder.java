package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.OrderPlaced;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Digits;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An order as a customer sends it: an invoice, with lines that make sense and lines that do not.
 */
record NewOrder(
    @NotBlank String orderNo,
    @Nullable String customerId,
    @NotEmpty @Size(max = LINES_MAX) List<@Valid Line> lines) {
  static final int LINES_MAX = 10_000;

  record Line(
      @NotBlank String stockCode,
      int quantity,
      @NotNull @Digits(integer = 15, fraction = 4) BigDecimal unitPrice) {

    BigDecimal amount() {
      return unitPrice.multiply(BigDecimal.valueOf(quantity));
    }
  }

  /** Why a line cannot be sold; empty if it can. */
  Optional<String> refusal(Line line) {
    if (customerId == null || customerId.isBlank()) {
      return Optional.of("NO_CUSTOMER");
    }
    if (line.quantity() <= 0) {
      return Optional.of("QUANTITY_NOT_POSITIVE");
    }
    return line.unitPrice().signum() <= 0 ? Optional.of("PRICE_NOT_POSITIVE") : Optional.empty();
  }

  List<Line> accepted() {
    return lines.stream().filter(line -> refusal(line).isEmpty()).toList();
  }

  /** What the accepted lines cost together. */
  BigDecimal total() {
    return accepted().stream().map(Line::amount).reduce(BigDecimal.ZERO, BigDecimal::add);
  }

  /** What the order wants of inventory and payment; only if a line is accepted. */
  OrderPlaced wanted() {
    return new OrderPlaced(
        orderNo,
        Objects.requireNonNull(customerId),
        total(),
        Requests.items(accepted().stream(), Line::stockCode, Line::quantity));
  }
}
