package dev.tenon.examples.quickstart.messages;

import dev.tenon.invocation.Idempotent;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.service.annotation.PostExchange;

/**
 * What the payment service does for an order at once, as a branch of the order's transaction. Too
 * large an amount is refused with 422 and {@link Refusals#CHARGE_REFUSED}.
 */
public interface PaymentApi {

  /**
   * Charges; voided if the transaction aborts.
   *
   * @param order who pays how much
   */
  @PostExchange("/charges")
  @Idempotent
  void charge(@RequestBody OrderPlaced order);

  /**
   * Puts money aside; charged if the transaction commits, and free again if it aborts.
   *
   * @param hold who pays how much
   */
  @PostExchange("/charges/holds")
  @Idempotent
  void hold(@RequestBody Hold hold);

  /**
   * Charges by plain SQL; Tenon takes it back by itself if the transaction aborts.
   *
   * @param order who pays how much
   */
  @PostExchange("/charges/paid")
  @Idempotent
  void pay(@RequestBody OrderPlaced order);

  /**
   * Charges in a prepared transaction of the database.
   *
   * @param order who pays how much
   */
  @PostExchange("/charges/prepared")
  @Idempotent
  void payPrepared(@RequestBody OrderPlaced order);

  /**
   * Charges the deposit, a tenth of the amount, in a prepared transaction of the database.
   *
   * @param order who pays how much in all
   */
  @PostExchange("/charges/deposits")
  @Idempotent
  void payDeposit(@RequestBody OrderPlaced order);

  /**
   * Puts aside what the deposit leaves; charged if the transaction commits, and free again if it
   * aborts.
   *
   * @param hold who pays how much in all
   */
  @PostExchange("/charges/rests")
  @Idempotent
  void holdRest(@RequestBody Hold hold);
}
