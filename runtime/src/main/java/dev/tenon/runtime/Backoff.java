package dev.tenon.runtime;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * Exponential backoff with jitter: attempt <i>n</i> waits {@code first · 2ⁿ⁻¹}, at most {@code
 * longest}, less up to half of it by chance, so that callers who failed together do not return
 * together. Immutable and thread-safe.
 *
 * @param first the wait after the first failure; positive
 * @param longest the bound of every wait; at least {@code first}
 */
public record Backoff(Duration first, Duration longest) {

  private static final int DOUBLINGS_MAX = 30;
  private static final double NANOS_PER_SECOND = 1e9;

  /** Checks the bounds. */
  public Backoff {
    requireNonNull(first, "first");
    requireNonNull(longest, "longest");
    if (first.isNegative() || first.isZero()) {
      throw new IllegalArgumentException("first: " + first + " (expected: > 0)");
    }
    if (longest.compareTo(first) < 0) {
      throw new IllegalArgumentException("longest: " + longest + " (expected: >= " + first + ")");
    }
  }

  /**
   * Says how long to wait after a failure.
   *
   * @param attempt how many attempts have failed, from 1
   * @param random the source of the jitter
   * @return a wait between half of the bound for this attempt and the bound
   */
  public Duration after(int attempt, RandomGenerator random) {
    if (attempt < 1) {
      throw new IllegalArgumentException("attempt: " + attempt + " (expected: >= 1)");
    }
    long factor = 1L << Math.min(attempt - 1, DOUBLINGS_MAX);
    double bound = Math.min(seconds(first) * factor, seconds(longest));
    double jittered = bound * (1 - random.nextDouble() / 2);
    return Duration.ofNanos(Math.round(jittered * NANOS_PER_SECOND));
  }

  private static double seconds(Duration duration) {
    return duration.getSeconds() + duration.getNano() / NANOS_PER_SECOND;
  }
}
