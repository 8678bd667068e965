package dev.tenon.examples.quickstart.payment;

import dev.tenon.examples.quickstart.messages.Hold;
import dev.tenon.examples.quickstart.messages.OrderPlaced;
import dev.tenon.examples.quickstart.messages.PaymentApi;
import dev.tenon.examples.quickstart.messages.Refusals;
import dev.tenon.global.Compensated;
import dev.tenon.global.TryConfirmCancel;
import dev.tenon.invocation.Problem;
import dev.tenon.rest.RestException;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;

/**
 * What orders do to the money when they ask for it by a call. Each method is one step of the
 * order's transaction: its effect, how it is undone, and its answer commit together.
 */
@Component
class Payments implements PaymentApi {
  private final Ledger ledger;
  private final ChargeLimit limit;

  Payments(Ledger ledger, ChargeLimit limit) {
    this.ledger = ledger;
    this.limit = limit;
  }

  @Override
  @Compensated(by = "undo")
  public void charge(OrderPlaced order) {
    requireAllowed(order);
    book(order);
  }

  /** Undoes {@link #charge}. */
  public void undo(OrderPlaced order) {
    ledger.book(Ledger.Kind.VOID, order.orderNo(), order.customerId(), order.amount().negate());
  }

  @Override
  @TryConfirmCancel(confirm = "chargeHeld", cancel = "free")
  public void hold(Hold hold) {
    requireAllowed(hold.order());
    ledger.hold(hold);
  }

  /** The order happens. */
  public void chargeHeld(Hold hold) {
    ledger.endHold(hold.id());
    book(hold.order());
  }

  /** The order does not happen. */
  public void free(Hold hold) {
    ledger.endHold(hold.id());
  }

  private void book(OrderPlaced order) {
    ledger.book(Ledger.Kind.CHARGE, order.orderNo(), order.customerId(), order.amount());
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
