package dev.tenon.testing.architecture.planted;

import java.time.Instant;

/** Breaks the rules on purpose, so that the tests show that they would see it; never run. */
public final class Planted {
  private Planted() {}

  /** Writes to the console, reads the system's clock and throws a generic exception. */
  public static Instant fail() {
    System.out.println("planted");
    if (Instant.now().isBefore(Instant.EPOCH)) {
      throw new RuntimeException("planted");
    }
    return Instant.now();
  }
}
