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
}
