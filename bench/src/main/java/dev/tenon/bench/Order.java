package dev.tenon.bench;

/**
 * The business row and the message in one.
 *
 * @param id the number within the run, from 0
 * @param customer the key, one of {@value #KEYS}
 * @param text what fills the payload up to about 200 bytes of JSON
 */
record Order(int id, String customer, String text) {

  static final int KEYS = 1_000;

  private static final String TEXT = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(4);

  static Order of(int id) {
    return new Order(id, "customer-" + Math.floorMod(id * 31, KEYS), TEXT);
  }
}
