package dev.tenon.invocation;

import static java.util.Objects.requireNonNull;

import dev.tenon.runtime.Backoff;
import java.time.Duration;

/**
 * How calls of a service, or of one of its operations, are made. Immutable.
 *
 * @param timeout how long a call may take with all its attempts; the caller's own deadline counts
 *     if it is earlier
 * @param attemptsMax how often a call is tried at most, the first attempt among them
 * @param retryWait how long to wait before a repetition that the callee may have seen before
 * @param callsInFlightMax how many calls may be under way at once; one more is refused at once
 */
public record CallPolicy(
    Duration timeout, int attemptsMax, Backoff retryWait, int callsInFlightMax) {
  private static final int ATTEMPTS_MOST = 100;

  /** Checks the limits. */
  public CallPolicy {
    requireNonNull(retryWait, "retryWait");
    if (timeout.isNegative() || timeout.isZero()) {
      throw new IllegalArgumentException("timeout: " + timeout + " (expected: > 0)");
    }
    if (attemptsMax < 1 || attemptsMax > ATTEMPTS_MOST) {
      throw new IllegalArgumentException("attemptsMax: " + attemptsMax + " (expected: 1..100)");
    }
    if (callsInFlightMax < 1) {
      throw new IllegalArgumentException(
          "callsInFlightMax: " + callsInFlightMax + " (expected: >= 1)");
    }
  }

  /**
   * 5 s, three attempts 20 ms and more apart, 1,024 calls at once.
   *
   * @return what holds where nothing is set
   */
  public static CallPolicy defaults() {
    return new CallPolicy(
        Duration.ofSeconds(5), 3, new Backoff(Duration.ofMillis(20), Duration.ofMillis(500)), 1024);
  }

  /**
   * The same policy with another timeout.
   *
   * @param value more than zero
   * @return the policy
   */
  public CallPolicy withTimeout(Duration value) {
    return new CallPolicy(value, attemptsMax, retryWait, callsInFlightMax);
  }

  /**
   * The same policy with another number of attempts.
   *
   * @param value from 1 to 100
   * @return the policy
   */
  public CallPolicy withAttemptsMax(int value) {
    return new CallPolicy(timeout, value, retryWait, callsInFlightMax);
  }

  /**
   * The same policy with another bound of the calls under way.
   *
   * @param value from 1
   * @return the policy
   */
  public CallPolicy withCallsInFlightMax(int value) {
    return new CallPolicy(timeout, attemptsMax, retryWait, value);
  }
}
