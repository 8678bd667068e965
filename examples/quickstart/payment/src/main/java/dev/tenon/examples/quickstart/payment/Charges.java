package dev.tenon.examples.quickstart.payment;

import dev.tenon.examples.quickstart.messages.Answer;
import dev.tenon.examples.quickstart.messages.OrderCancelled;
import dev.tenon.examples.quickstart.messages.OrderPlaced;
import dev.tenon.examples.quickstart.messages.OrderRejected;
import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.messaging.Outbox;
import dev.tenon.spring.MessageHandler;
import org.springframework.stereotype.Component;

/**
 * What orders do to the money when they ask for it by a message. Each method is one step: its
 * effect and its answer commit together.
 */
@Component
class Charges {
  private final Ledger ledger;
  private final Outbox outbox;
  private final ChargeLimit limit;

  Charges(Ledger ledger, Outbox outbox, ChargeLimit limit) {
    this.ledger = ledger;
    this.outbox = outbox;
    this.limit = limit;
  }

  @MessageHandler(from = "order", topic = Topics.ORDER_PLACED)
  void charge(OrderPlaced order) {
    boolean accepted = limit.allows(order.amount());
    if (accepted) {
      ledger.book(Ledger.Kind.CHARGE, order.orderNo(), order.customerId(), order.amount());
    }
    outbox.publish(
        accepted ? Topics.PAYMENT_CHARGED : Topics.PAYMENT_REFUSED,
        order.orderNo(),
        new Answer(order.orderNo()));
  }

  /** Comes after {@link #charge} of the same order, which may have refused. */
  @MessageHandler(from = "order", topic = Topics.ORDER_REJECTED)
  void undo(OrderRejected order) {
    ledger.voidCharge(order.orderNo());
  }

  @MessageHandler(from = "order", topic = Topics.ORDER_CANCELLED)
  void refund(OrderCancelled cancelled) {
    ledger.book(
        Ledger.Kind.REFUND,
        cancelled.cancellationNo(),
        cancelled.customerId(),
        cancelled.amount().negate());
  }
}
