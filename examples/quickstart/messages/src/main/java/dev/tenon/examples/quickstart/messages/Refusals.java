package dev.tenon.examples.quickstart.messages;

import java.util.Set;

/** Why an order is rejected: the reasons in problem documents, and in the orders themselves. */
public final class Refusals {
  /** There is not enough of a product. */
  public static final String OUT_OF_STOCK = "OUT_OF_STOCK";

  /** The amount is more than is charged at once. */
  public static final String CHARGE_REFUSED = "CHARGE_REFUSED";

  /** Both. */
  public static final Set<String> ALL = Set.of(OUT_OF_STOCK, CHARGE_REFUSED);

  private Refusals() {}
}
