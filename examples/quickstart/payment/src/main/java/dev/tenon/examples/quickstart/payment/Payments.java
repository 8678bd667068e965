package dev.tenon.examples.quickstart.payment;

import dev.tenon.examples.quickstart.messages.Answer;
import dev.tenon.examples.quickstart.messages.Hold;
import dev.tenon.examples.quickstart.messages.OrderPlaced;
import dev.tenon.examples.quickstart.messages.PaymentApi;
import dev.tenon.examples.quickstart.messages.Refusals;
import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.global.Compensated;
import dev.tenon.global.TryConfirmCancel;
import dev.tenon.global.XaBranch;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.Outbox;
import dev.tenon.rest.RestException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;

/**
 * What orders do to the money when they ask for it by a call. Each method is one step of the
 * order's transaction: its effect, how it is undone, and its answer commit together.
 */
@Component
class Payments implements PaymentApi {
  private static final BigDecimal DEPOSIT = new BigDecimal("0.1");

  private final Ledger ledger;
  private final ChargeLimit limit;
  private final Outbox outbox;

  Payments(Ledger ledger, ChargeLimit limit, Outbox outbox) {
    this.ledger = ledger;
    this.limit = limit;
    this.outbox = outbox;
  }

  @Override
  @Compensated(by = "undo")
  public void charge(OrderPlaced order) {
    requireAllowed(order);
    book(order, order.amount());
  }

  /** Undoes {@link #charge}. */
  public void undo(OrderPlaced order) {
    ledger.book(Ledger.Kind.VOID, order.orderNo(), order.customerId(), order.amount().negate());
  }

  @Override
  @TryConfirmCancel(confirm = "chargeHeld", cancel = "free")
  public void hold(Hold hold) {
    requireAllowed(hold.order());
    ledger.hold(hold, hold.order().amount());
  }

  /** The order happens. */
  public void chargeHeld(Hold hold) {
    book(hold.order(), ledger.endHold(hold.id()).orElseThrow());
  }

  /** The order does not happen. */
  public void free(Hold hold) {
    ledger.endHold(hold.id());
  }

  /** The table is enabled for AT, so that there is nothing to declare. */
  @Override
  public void pay(OrderPlaced order) {
    requireAllowed(order);
    book(order, order.amount());
    told(order);
  }

  @Override
  @XaBranch
  public void payPrepared(OrderPlaced order) {
    requireAllowed(order);
    book(order, order.amount());
    told(order);
  }

  @Override
  @XaBranch
  public void payDeposit(OrderPlaced order) {
    requireAllowed(order);
    book(order, deposit(order));
    told(order);
  }

  @Override
  @TryConfirmCancel(confirm = "chargeHeld", cancel = "free")
  public void holdRest(Hold hold) {
    requireAllowed(hold.order());
    ledger.hold(hold, hold.order().amount().subtract(deposit(hold.order())));
  }

  private static BigDecimal deposit(OrderPlaced order) {
    return order.amount().multiply(DEPOSIT).setScale(2, RoundingMode.DOWN);
  }

  private void book(OrderPlaced order, BigDecimal amount) {
    ledger.book(Ledger.Kind.CHARGE, order.orderNo(), order.customerId(), amount);
  }

  /** The message goes out if the order happens. */
  private void told(OrderPlaced order) {
    outbox.publish(Topics.PAYMENT_CHARGED, order.orderNo(), new Answer(order.orderNo()));
  }

  private void requireAllowed(OrderPlaced order) {
    if (!limit.allows(order.amount())) {
      throw new RestException(
          Problem.of(
              HttpStatus.UNPROCESSABLE_CONTENT.value(),
              Refusals.CHARGE_REFUSED,
              "The amount of order " + order.orderNo() + " is more than is charged at once."));
    }
  }
}
