package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.Hold;
import dev.tenon.examples.quickstart.messages.PaymentApi;
import dev.tenon.examples.quickstart.messages.StockApi;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.spring.GlobalTransactional;
import org.springframework.stereotype.Component;

/** One attempt to place an order in mode tcc: one distributed transaction. */
@Component
class TccAttempt {
  private final StockApi stock;
  private final PaymentApi payment;
  private final Orders orders;
  private final TenonRuntime runtime;

  TccAttempt(StockApi stock, PaymentApi payment, Orders orders, TenonRuntime runtime) {
    this.stock = stock;
    this.payment = payment;
    this.orders = orders;
    this.runtime = runtime;
  }

  /**
   * Calls first and writes last: the commit of the order is the decision. If this service dies
   * before, what is on hold is free when the time is up.
   */
  @GlobalTransactional(timeout = "15s")
  public void run(NewOrder order) {
    Hold hold = new Hold(runtime.ids().next(), order.wanted());
    stock.hold(hold);
    payment.hold(hold);
    orders.confirm(order, Mode.TCC);
  }
}
