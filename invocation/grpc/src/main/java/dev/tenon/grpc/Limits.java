package dev.tenon.grpc;

/** Checks numbers. */
final class Limits {
  private Limits() {}

  static int atLeastOne(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + ": " + value + " (expected: >= 1)");
    }
    return value;
  }
}
