package dev.tenon.examples.quickstart.inventory;

import dev.tenon.examples.quickstart.messages.Answer;
import dev.tenon.examples.quickstart.messages.Hold;
import dev.tenon.examples.quickstart.messages.OrderPlaced;
import dev.tenon.examples.quickstart.messages.Refusals;
import dev.tenon.examples.quickstart.messages.StockApi;
import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.global.Compensated;
import dev.tenon.global.TryConfirmCancel;
import dev.tenon.global.XaBranch;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.Outbox;
import dev.tenon.rest.RestException;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;

/**
 * What orders do to the stock when they ask for it by a call. Each method is one step of the
 * order's transaction: its effect, how it is undone, and its answer commit together.
 */
@Component
class Sales implements StockApi {
  private final Stock stock;
  private final Outbox outbox;

  Sales(Stock stock, Outbox outbox) {
    this.stock = stock;
    this.outbox = outbox;
  }

  @Override
  @Compensated(by = "takeBack")
  public void sell(OrderPlaced order) {
    requireEnough(order);
    stock.move(Stock.Kind.SOLD, order.orderNo(), order.items());
  }

  /** Undoes {@link #sell}. */
  public void takeBack(OrderPlaced order) {
    stock.move(Stock.Kind.RELEASED, order.orderNo(), order.items());
  }

  @Override
  @TryConfirmCancel(confirm = "sellHeld", cancel = "free")
  public void hold(Hold hold) {
    requireEnough(hold.order());
    stock.hold(hold.id(), hold.order().orderNo(), hold.order().items());
  }

  /** The order happens. */
  public void sellHeld(Hold hold) {
    stock.endHold(hold.id(), hold.order().items());
    stock.move(Stock.Kind.SOLD, hold.order().orderNo(), hold.order().items());
  }

  /** The order does not happen. */
  public void free(Hold hold) {
    stock.endHold(hold.id(), hold.order().items());
  }

  /** The tables are enabled for AT, so that there is nothing to declare. */
  @Override
  public void take(OrderPlaced order) {
    requireEnough(order);
    stock.move(Stock.Kind.SOLD, order.orderNo(), order.items());
    told(order);
  }

  @Override
  @XaBranch
  public void takePrepared(OrderPlaced order) {
    requireEnough(order);
    stock.move(Stock.Kind.SOLD, order.orderNo(), order.items());
    told(order);
  }

  @Override
  @Compensated(by = "cancelDelivery")
  public void bookDelivery(Hold hold) {
    stock.bookDelivery(hold.id(), hold.order().orderNo());
  }

  /** Undoes {@link #bookDelivery}. */
  public void cancelDelivery(Hold hold) {
    stock.cancelDelivery(hold.id());
  }

  /** The message goes out if the order happens. */
  private void told(OrderPlaced order) {
    outbox.publish(Topics.STOCK_RESERVED, order.orderNo(), new Answer(order.orderNo()));
  }

  /** What is on hold may be free soon: that is no refusal, and is not stored as one. */
  private void requireEnough(OrderPlaced order) {
    switch (stock.lockedSupply(order.items())) {
      case ENOUGH -> {}
      case ON_HOLD ->
          throw problem(
              HttpStatus.SERVICE_UNAVAILABLE,
              "STOCK_ON_HOLD",
              "Pieces for order " + order.orderNo() + " are on hold: ask again in a moment.");
      case TOO_LITTLE ->
          throw problem(
              HttpStatus.UNPROCESSABLE_CONTENT,
              Refusals.OUT_OF_STOCK,
              "There is not enough in stock for order " + order.orderNo() + ".");
    }
  }

  private static RestException problem(HttpStatus status, String reason, String detail) {
    return new RestException(Problem.of(status.value(), reason, detail));
  }
}
