package dev.tenon.testing.database;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** A point in time after which a wait is given up. Immutable. */
final class Deadline {

  private static final long POLL_MILLIS = 10;

  private final long endNanos;

  private Deadline(long endNanos) {
    this.endNanos = endNanos;
  }

  static Deadline in(Duration time) {
    return new Deadline(System.nanoTime() + time.toNanos());
  }

  boolean passed() {
    return System.nanoTime() - endNanos >= 0;
  }

  /** Waits until the condition holds; false if the deadline passed first. */
  boolean await(BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      if (passed()) {
        return false;
      }
      pause();
    }
    return true;
  }

  /** Waits one polling step. An interrupt ends the wait with an exception and stays set. */
  static void pause() {
    try {
      Thread.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PostgresServerException(
          "Could not wait for PostgreSQL: the thread was interrupted. Do not interrupt it.", e);
    }
  }
}
