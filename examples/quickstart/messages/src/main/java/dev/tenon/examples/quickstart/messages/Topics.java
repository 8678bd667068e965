package dev.tenon.examples.quickstart.messages;

/** The topics of all services, and which of the records in this package each carries. */
public final class Topics {
  /** {@link UserChanged}; key: the user's id; from {@code user}. */
  public static final String USER_CHANGED = "user.changed";

  /** {@link OrderPlaced}; key: the order's number; from {@code order}. */
  public static final String ORDER_PLACED = "order.placed";

  /** {@link OrderRejected}; key: the order's number; from {@code order}. */
  public static final String ORDER_REJECTED = "order.rejected";

  /** {@link OrderCancelled}; key: the cancellation's number; from {@code order}. */
  public static final String ORDER_CANCELLED = "order.cancelled";

  /** {@link Answer}; key: the order's number; from {@code inventory}. */
  public static final String STOCK_RESERVED = "stock.reserved";

  /** {@link Answer}; key: the order's number; from {@code inventory}. */
  public static final String STOCK_REFUSED = "stock.refused";

  /** {@link Answer}; key: the order's number; from {@code payment}. */
  public static final String PAYMENT_CHARGED = "payment.charged";

  /** {@link Answer}; key: the order's number; from {@code payment}. */
  public static final String PAYMENT_REFUSED = "payment.refused";

  private Topics() {}
}
