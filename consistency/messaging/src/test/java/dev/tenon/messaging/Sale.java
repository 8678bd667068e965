package dev.tenon.messaging;

/**
 * What the tests of instances send.
 *
 * @param product orders the messages
 * @param number rises by one for each product
 * @param hold whether the first handler of it waits in its open transaction until told to go on
 */
record Sale(String product, int number, boolean hold) {
  static final String TOPIC = "shop.sale";
}
