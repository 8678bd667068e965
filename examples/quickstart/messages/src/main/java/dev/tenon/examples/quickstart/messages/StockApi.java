package dev.tenon.examples.quickstart.messages;

import dev.tenon.invocation.Idempotent;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.service.annotation.PostExchange;

/**
 * What the inventory service does for an order at once, as a branch of the order's transaction. An
 * order of more than there is in stock is refused with 422 and {@link Refusals#OUT_OF_STOCK}. If
 * there is enough, but some of it is on hold, the answer is 503: ask again in a moment.
 */
public interface StockApi {

  /**
   * Sells; put back if the transaction aborts.
   *
   * @param order what is bought
   */
  @PostExchange("/stock/sales")
  @Idempotent
  void sell(@RequestBody OrderPlaced order);

  /**
   * Puts aside; sold if the transaction commits, and free again if it aborts.
   *
   * @param hold what is bought
   */
  @PostExchange("/stock/holds")
  @Idempotent
  void hold(@RequestBody Hold hold);

  /**
   * Sells by plain SQL; Tenon puts it back by itself if the transaction aborts.
   *
   * @param order what is bought
   */
  @PostExchange("/stock/taken")
  @Idempotent
  void take(@RequestBody OrderPlaced order);

  /**
   * Sells in a prepared transaction of the database.
   *
   * @param order what is bought
   */
  @PostExchange("/stock/prepared")
  @Idempotent
  void takePrepared(@RequestBody OrderPlaced order);

  /**
   * Books a delivery; cancelled if the transaction aborts.
   *
   * @param hold what is to be delivered
   */
  @PostExchange("/stock/deliveries")
  @Idempotent
  void bookDelivery(@RequestBody Hold hold);
}
