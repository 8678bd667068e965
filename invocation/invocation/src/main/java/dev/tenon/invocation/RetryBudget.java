package dev.tenon.invocation;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Bounds repetitions to a share of the calls, so that retries cannot multiply an outage: each call
 * adds a fifth of a repetition, up to a hundred. Thread-safe.
 */
final class RetryBudget {
  private static final long RETRY = 10;
  private static final long PER_CALL = 2;
  private static final long MOST = 100 * RETRY;

  private final AtomicLong balance = new AtomicLong(MOST);

  void called() {
    if (balance.get() < MOST) {
      balance.addAndGet(PER_CALL);
    }
  }

  boolean tryRetry() {
    long now = balance.get();
    while (now >= RETRY) {
      if (balance.compareAndSet(now, now - RETRY)) {
        return true;
      }
      now = balance.get();
    }
    return false;
  }
}
