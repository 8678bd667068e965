package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.Answer;
import dev.tenon.examples.quickstart.messages.OrderRejected;
import dev.tenon.examples.quickstart.messages.Refusals;
import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.messaging.Outbox;
import dev.tenon.spring.MessageHandler;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

/**
 * The life of an order in mode messages: placed, then answered by inventory and payment in any
 * order, then confirmed if both did what was asked, or rejected at the first refusal.
 */
@Service
class Orders {
  private final OrderTable table;
  private final Outbox outbox;

  Orders(OrderTable table, Outbox outbox) {
    this.table = table;
    this.outbox = outbox;
  }

  /** There is an order of that number: nothing is to be sold and charged for another one. */
  static final class TakenException extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /**
   * Takes an order, and asks for stock and money with the same commit.
   *
   * @return false if there is one of that number
   */
  @Transactional
  public boolean place(NewOrder order) {
    if (!table.insert(order, Mode.MESSAGES, "PENDING", null)) {
      return false;
    }
    outbox.publish(Topics.ORDER_PLACED, order.orderNo(), order.wanted());
    return true;
  }

  /**
   * Takes an order that has all it wants. Throws if there is one of that number: to return would
   * commit, and with it the distributed transaction.
   */
  @Transactional
  public void confirm(NewOrder order, Mode mode) {
    if (!table.insert(order, mode, "CONFIRMED", null)) {
      throw new TakenException();
    }
  }

  /**
   * Takes an order that is rejected from the beginning.
   *
   * @return false if there is one of that number
   */
  @Transactional
  public boolean reject(NewOrder order, Mode mode, String reason) {
    return table.insert(order, mode, LineResult.REJECTED, reason);
  }

  @MessageHandler(from = "inventory", topic = Topics.STOCK_RESERVED)
  void stockReserved(Answer answer) {
    decide(table.stockAnswered(answer.orderNo(), OrderTable.Step.DONE));
  }

  @MessageHandler(from = "inventory", topic = Topics.STOCK_REFUSED)
  void stockRefused(Answer answer) {
    decide(table.stockAnswered(answer.orderNo(), OrderTable.Step.REFUSED));
  }

  @MessageHandler(from = "payment", topic = Topics.PAYMENT_CHARGED)
  void paymentCharged(Answer answer) {
    decide(table.paymentAnswered(answer.orderNo(), OrderTable.Step.DONE));
  }

  @MessageHandler(from = "payment", topic = Topics.PAYMENT_REFUSED)
  void paymentRefused(Answer answer) {
    decide(table.paymentAnswered(answer.orderNo(), OrderTable.Step.REFUSED));
  }

  /**
   * The order's row is locked by the answer just noted, so both answers are seen by one of them.
   */
  private void decide(OrderTable.State order) {
    if (!order.status().equals("PENDING")) {
      return;
    }
    String reason = refusal(order);
    if (reason != null) {
      table.end(order.orderNo(), LineResult.REJECTED, reason);
      outbox.publish(
          Topics.ORDER_REJECTED, order.orderNo(), new OrderRejected(order.orderNo(), reason));
    } else if (order.stock() == OrderTable.Step.DONE && order.payment() == OrderTable.Step.DONE) {
      table.end(order.orderNo(), "CONFIRMED", null);
    }
  }

  private static @Nullable String refusal(OrderTable.State order) {
    if (order.stock() == OrderTable.Step.REFUSED) {
      return Refusals.OUT_OF_STOCK;
    }
    return order.payment() == OrderTable.Step.REFUSED ? Refusals.CHARGE_REFUSED : null;
  }
}
