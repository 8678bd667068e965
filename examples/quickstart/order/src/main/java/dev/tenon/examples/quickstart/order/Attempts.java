package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.Hold;
import dev.tenon.examples.quickstart.messages.OrderPlaced;
import dev.tenon.examples.quickstart.messages.PaymentApi;
import dev.tenon.examples.quickstart.messages.StockApi;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.spring.GlobalTransactional;
import org.springframework.stereotype.Component;

/**
 * Attempts to place an order: each is one distributed transaction. It calls first and writes last:
 * the commit of the order is the decision. If this service dies before, what the others have done
 * is undone when the time is up.
 */
@Component
class Attempts {
  private static final String TIMEOUT = "15s";

  private final StockApi stock;
  private final PaymentApi payment;
  private final Orders orders;
  private final TenonRuntime runtime;

  Attempts(StockApi stock, PaymentApi payment, Orders orders, TenonRuntime runtime) {
    this.stock = stock;
    this.payment = payment;
    this.orders = orders;
    this.runtime = runtime;
  }

  @GlobalTransactional(timeout = TIMEOUT)
  public void tcc(NewOrder order) {
    Hold hold = new Hold(runtime.ids().next(), order.wanted());
    stock.hold(hold);
    payment.hold(hold);
    orders.confirm(order, Mode.TCC);
  }

  @GlobalTransactional(timeout = TIMEOUT)
  public void at(NewOrder order) {
    OrderPlaced wanted = order.wanted();
    stock.take(wanted);
    payment.pay(wanted);
    orders.confirm(order, Mode.AT);
  }

  @GlobalTransactional(timeout = TIMEOUT)
  public void xa(NewOrder order) {
    OrderPlaced wanted = order.wanted();
    stock.takePrepared(wanted);
    payment.payPrepared(wanted);
    orders.confirm(order, Mode.XA);
  }

  /** A branch of every kind: each service chooses what suits what it is asked for. */
  @GlobalTransactional(timeout = TIMEOUT)
  public void mixed(NewOrder order) {
    Hold hold = new Hold(runtime.ids().next(), order.wanted());
    stock.bookDelivery(hold); // compensated, as a saga's step
    stock.take(hold.order()); // AT
    payment.holdRest(hold); // TCC
    payment.payDeposit(hold.order()); // XA
    orders.confirm(order, Mode.MIXED);
  }
}
