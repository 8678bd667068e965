package dev.tenon.examples.quickstart.order;

import dev.tenon.invocation.RemoteProblemException;
import org.springframework.stereotype.Service;

/**
 * Takes orders in the modes whose answer is the outcome: has stock and money taken or put aside,
 * and then writes the order. Before that write there is no order, so a request that got no answer
 * is simply sent again.
 */
@Service
class PromptOrders {
  private final Attempts attempts;
  private final Orders orders;

  PromptOrders(Attempts attempts, Orders orders) {
    this.attempts = attempts;
    this.orders = orders;
  }

  /** One of the {@link Attempts}. */
  interface Attempt {
    void run(NewOrder order);
  }

  boolean tcc(NewOrder order) {
    return place(order, Mode.TCC, attempts::tcc);
  }

  boolean at(NewOrder order) {
    return place(order, Mode.AT, attempts::at);
  }

  boolean xa(NewOrder order) {
    return place(order, Mode.XA, attempts::xa);
  }

  boolean mixed(NewOrder order) {
    return place(order, Mode.MIXED, attempts::mixed);
  }

  /**
   * Takes an order: confirms it, or rejects it if inventory or payment refuses.
   *
   * @return false if there is one of that number
   */
  private boolean place(NewOrder order, Mode mode, Attempt attempt) {
    try {
      attempt.run(order);
      return true;
    } catch (Orders.TakenException e) {
      return false;
    } catch (RemoteProblemException e) {
      String reason = Requests.refusal(e).orElseThrow(() -> e);
      return orders.reject(order, mode, reason); // the transaction is aborted, so by itself
    }
  }
}
