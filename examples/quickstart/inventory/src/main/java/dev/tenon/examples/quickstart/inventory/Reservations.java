package dev.tenon.examples.quickstart.inventory;

import dev.tenon.examples.quickstart.messages.Answer;
import dev.tenon.examples.quickstart.messages.OrderCancelled;
import dev.tenon.examples.quickstart.messages.OrderPlaced;
import dev.tenon.examples.quickstart.messages.OrderRejected;
import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.messaging.Outbox;
import dev.tenon.spring.MessageHandler;
import org.springframework.stereotype.Component;

/**
 * What orders do to the stock when they ask for it by a message. Each method is one step: its
 * effect and its answer commit together.
 */
@Component
class Reservations {
  private final Stock stock;
  private final Outbox outbox;

  Reservations(Stock stock, Outbox outbox) {
    this.stock = stock;
    this.outbox = outbox;
  }

  @MessageHandler(from = "order", topic = Topics.ORDER_PLACED)
  void reserve(OrderPlaced order) {
    Stock.Supply supply = stock.lockedSupply(order.items());
    if (supply == Stock.Supply.ON_HOLD) {
      throw new IllegalStateException(
          "Pieces for order " + order.orderNo() + " are on hold: the message is tried again later");
    }
    boolean enough = supply == Stock.Supply.ENOUGH;
    if (enough) {
      stock.move(Stock.Kind.SOLD, order.orderNo(), order.items());
    }
    outbox.publish(
        enough ? Topics.STOCK_RESERVED : Topics.STOCK_REFUSED,
        order.orderNo(),
        new Answer(order.orderNo()));
  }

  /** Comes after {@link #reserve} of the same order, which may have refused. */
  @MessageHandler(from = "order", topic = Topics.ORDER_REJECTED)
  void release(OrderRejected order) {
    stock.move(Stock.Kind.RELEASED, order.orderNo(), stock.sold(order.orderNo()));
  }

  @MessageHandler(from = "order", topic = Topics.ORDER_CANCELLED)
  void restock(OrderCancelled cancelled) {
    stock.move(Stock.Kind.RESTOCKED, cancelled.cancellationNo(), cancelled.items());
  }
}
