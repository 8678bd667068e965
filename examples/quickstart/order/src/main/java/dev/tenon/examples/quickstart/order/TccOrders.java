package dev.tenon.examples.quickstart.order;

import dev.tenon.invocation.RemoteProblemException;
import org.springframework.stereotype.Service;

/**
 * Takes orders in mode tcc: has stock and money put aside, and then writes the order. Before that
 * write there is no order, so a request that got no answer is simply sent again.
 */
@Service
class TccOrders {
  private final TccAttempt attempt;
  private final Orders orders;

  TccOrders(TccAttempt attempt, Orders orders) {
    this.attempt = attempt;
    this.orders = orders;
  }

  /**
   * Takes an order: confirms it, or rejects it if inventory or payment refuses.
   *
   * @return false if there is one of that number
   */
  boolean place(NewOrder order) {
    try {
      attempt.run(order);
      return true;
    } catch (Orders.TakenException e) {
      return false;
    } catch (RemoteProblemException e) {
      String reason = Requests.refusal(e).orElseThrow(() -> e);
      return orders.reject(order, Mode.TCC, reason); // the transaction is aborted, so by itself
    }
  }
}
