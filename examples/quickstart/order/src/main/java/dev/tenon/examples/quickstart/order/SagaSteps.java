package dev.tenon.examples.quickstart.order;

import dev.tenon.global.Compensated;
import org.springframework.stereotype.Component;

/** What an {@link OrderSaga} writes to the order, each in a commit of the saga's. */
@Component
class SagaSteps {
  private final OrderTable table;

  SagaSteps(OrderTable table) {
    this.table = table;
  }

  /** From now on the order is rejected if the saga aborts, for whatever reason. */
  @Compensated(by = "reject")
  public boolean begin(String orderNo) {
    return true;
  }

  /** The saga is aborted. */
  public void reject(String orderNo) {
    table.reject(orderNo, "NOT_PLACED");
  }

  boolean note(String orderNo, String reason) {
    table.note(orderNo, reason);
    return true;
  }

  String confirm(String orderNo) {
    table.end(orderNo, "CONFIRMED", null);
    return "CONFIRMED";
  }
}
