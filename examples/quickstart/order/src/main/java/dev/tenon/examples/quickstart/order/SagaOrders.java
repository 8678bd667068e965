package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.OrderPlaced;
import dev.tenon.global.SagaType;
import dev.tenon.global.Sagas;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

/** Takes orders in mode saga: the order, and the start of its {@link OrderSaga}, in one commit. */
@Service
class SagaOrders {
  private final OrderTable table;
  private final Sagas sagas;
  private final SagaType<OrderPlaced, String> placing;

  SagaOrders(OrderTable table, Sagas sagas, SagaType<OrderPlaced, String> placing) {
    this.table = table;
    this.sagas = sagas;
    this.placing = placing;
  }

  /**
   * Takes an order.
   *
   * @return false if there is one of that number
   */
  @Transactional
  public boolean place(NewOrder order) {
    if (!table.insert(order, Mode.SAGA, "PENDING", null)) {
      return false;
    }
    sagas.start(placing, order.orderNo(), order.wanted());
    return true;
  }
}
