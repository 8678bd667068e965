package dev.tenon.examples.quickstart.order;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Service;

/**
 * Takes orders, by whichever means. A request may be repeated, in the same mode: the number of the
 * order makes it one, and an order that is there is never placed again.
 */
@Service
class Desk {
  private final Inquiry inquiry;
  private final OrderTable table;
  private final Orders orders;
  private final SagaOrders sagas;
  private final PromptOrders prompt;

  Desk(Inquiry inquiry, OrderTable table, Orders orders, SagaOrders sagas, PromptOrders prompt) {
    this.inquiry = inquiry;
    this.table = table;
    this.orders = orders;
    this.sagas = sagas;
    this.prompt = prompt;
  }

  /** What became of a request. In the modes that decide later, always the same: PENDING. */
  record Receipt(String orderNo, String status, @Nullable String reason, List<LineResult> lines) {}

  Receipt place(NewOrder order, Mode mode) {
    Optional<OrderTable.Taken> before = table.taken(order.orderNo());
    if (before.isEmpty()) {
      inquiry.check(order);
      take(order, mode);
    }
    OrderTable.Taken taken =
        before.or(() -> table.taken(order.orderNo())).orElseThrow(); // ours, or one beside it
    if (taken.mode() != mode || !taken.requestHash().equals(Requests.hash(order))) {
      throw Requests.differentBody(order.orderNo());
    }
    List<LineResult> lines = table.lineResults(order.orderNo());
    return mode.prompt()
        ? new Receipt(order.orderNo(), taken.status(), taken.reason(), lines)
        : new Receipt(order.orderNo(), "PENDING", null, lines);
  }

  private void take(NewOrder order, Mode mode) {
    boolean unused =
        order.accepted().isEmpty()
            ? orders.reject(order, mode, "NO_ACCEPTABLE_LINE")
            : switch (mode) {
              case MESSAGES -> orders.place(order);
              case SAGA -> sagas.place(order);
              case TCC -> prompt.tcc(order);
              case AT -> prompt.at(order);
              case XA -> prompt.xa(order);
              case MIXED -> prompt.mixed(order);
            };
  }
}
