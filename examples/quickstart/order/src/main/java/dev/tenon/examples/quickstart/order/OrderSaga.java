package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.OrderPlaced;
import dev.tenon.examples.quickstart.messages.PaymentApi;
import dev.tenon.examples.quickstart.messages.StockApi;
import dev.tenon.global.Saga;
import dev.tenon.global.SagaScope;
import dev.tenon.invocation.RemoteProblemException;
import java.time.Duration;
import java.util.Optional;
import org.springframework.stereotype.Component;

/**
 * The life of an order in mode saga, as plain code. It takes as long as the others are away; what
 * they have done is undone if one refuses, or if it has taken too long.
 */
@Component
class OrderSaga implements Saga<OrderPlaced, String> {
  static final String NAME = "placing";
  static final Duration TIMEOUT = Duration.ofHours(1);

  private final StockApi stock;
  private final PaymentApi payment;
  private final SagaSteps steps;

  OrderSaga(StockApi stock, PaymentApi payment, SagaSteps steps) {
    this.stock = stock;
    this.payment = payment;
    this.steps = steps;
  }

  @Override
  public String run(SagaScope scope, OrderPlaced order) throws Exception {
    scope.local("begin", Boolean.class, unit -> steps.begin(order.orderNo()));
    try {
      scope.call("stock", () -> sell(order));
      scope.call("payment", () -> charge(order));
    } catch (RemoteProblemException e) {
      Optional<String> reason = Requests.refusal(e);
      if (reason.isPresent()) {
        scope.local("refused", Boolean.class, unit -> steps.note(order.orderNo(), reason.get()));
      }
      throw e; // undoes all, the order too
    }
    return scope.commit("confirm", String.class, unit -> steps.confirm(order.orderNo()));
  }

  private boolean sell(OrderPlaced order) {
    stock.sell(order);
    return true;
  }

  private boolean charge(OrderPlaced order) {
    payment.charge(order);
    return true;
  }
}
