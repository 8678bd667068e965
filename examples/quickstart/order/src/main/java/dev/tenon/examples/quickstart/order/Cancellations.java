package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.OrderCancelled;
import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.messaging.Outbox;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

/**
 * Takes goods back that the same customer bought: the newest purchase first, at the price that was
 * paid. The decision is made here, by one commit; inventory and payment only follow it.
 */
@Service
class Cancellations {
  private final CancellationTable table;
  private final Outbox outbox;

  Cancellations(CancellationTable table, Outbox outbox) {
    this.table = table;
    this.outbox = outbox;
  }

  /** What became of a cancellation. */
  record Result(String cancellationNo, BigDecimal amount, List<LineResult> lines) {}

  /** A part of a purchase that a line takes back. */
  record Match(int lineNo, String stockCode, Purchase purchase, int quantity) {
    BigDecimal amount() {
      return purchase.unitPrice().multiply(BigDecimal.valueOf(quantity));
    }
  }

  /** A line of an earlier order, as far as it is not cancelled. */
  record Purchase(
      String orderNo,
      int lineNo,
      String stockCode,
      int open,
      BigDecimal unitPrice,
      String status) {}

  /** Takes a cancellation. May be repeated. */
  @Transactional
  public Result cancel(NewCancellation request) {
    String hash = Requests.hash(request);
    if (!table.insert(request, hash)) {
      if (!table.hash(request.cancellationNo()).equals(hash)) {
        throw Requests.differentBody(request.cancellationNo());
      }
      return find(request.cancellationNo()).orElseThrow();
    }
    List<Match> matches = new ArrayList<>();
    List<LineResult> results = new ArrayList<>();
    List<Purchase> purchases = new ArrayList<>(table.lockedPurchases(request));
    for (int i = 0; i < request.lines().size(); i++) {
      results.add(match(request, i, purchases, matches));
    }
    BigDecimal amount =
        matches.stream().map(Match::amount).reduce(BigDecimal.ZERO, BigDecimal::add);
    table.complete(request, amount, results, matches);
    if (!matches.isEmpty()) {
      outbox.publish(
          Topics.ORDER_CANCELLED,
          request.cancellationNo(),
          new OrderCancelled(
              request.cancellationNo(),
              Objects.requireNonNull(request.customerId()),
              amount,
              Requests.items(matches.stream(), Match::stockCode, Match::quantity)));
    }
    return find(request.cancellationNo()).orElseThrow();
  }

  Optional<Result> find(String cancellationNo) {
    return table
        .amount(cancellationNo)
        .map(amount -> new Result(cancellationNo, amount, table.lineResults(cancellationNo)));
  }

  /** Takes all of a line back, or nothing of it. */
  private static LineResult match(
      NewCancellation request, int index, List<Purchase> purchases, List<Match> matches) {
    NewCancellation.Line line = request.lines().get(index);
    int lineNo = index + 1;
    if (request.customerId() == null || request.customerId().isBlank()) {
      return new LineResult(lineNo, LineResult.REJECTED, "NO_CUSTOMER");
    }
    if (line.quantity() <= 0) {
      return new LineResult(lineNo, LineResult.REJECTED, "QUANTITY_NOT_POSITIVE");
    }
    List<Match> found = new ArrayList<>();
    int missing = line.quantity();
    for (Purchase purchase : purchases) {
      int taken = Math.min(missing, purchase.open());
      if (taken > 0 && purchase.stockCode().equals(line.stockCode())) {
        found.add(new Match(lineNo, line.stockCode(), purchase, taken));
        missing -= taken;
      }
    }
    if (missing > 0) {
      return new LineResult(lineNo, LineResult.REJECTED, "NOT_BOUGHT");
    }
    found.forEach(match -> take(match, purchases));
    matches.addAll(found);
    return new LineResult(lineNo, "REFUNDED", null);
  }

  private static void take(Match match, List<Purchase> purchases) {
    Purchase from = match.purchase();
    if (from.status().equals("PENDING")) {
      throw Requests.problem(
          HttpStatus.CONFLICT,
          "ORDER_PENDING",
          "Order " + from.orderNo() + " is not decided yet: repeat this in a moment.");
    }
    purchases.replaceAll(
        each ->
            each.equals(from)
                ? new Purchase(
                    from.orderNo(),
                    from.lineNo(),
                    from.stockCode(),
                    from.open() - match.quantity(),
                    from.unitPrice(),
                    from.status())
                : each);
  }
}
