package dev.tenon.examples.quickstart.order;

import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.Size;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a customer sends back. */
record NewCancellation(
    @NotBlank String cancellationNo,
    @Nullable String customerId,
    @NotEmpty @Size(max = NewOrder.LINES_MAX) List<@Valid Line> lines) {

  record Line(@NotBlank String stockCode, int quantity) {}
}
