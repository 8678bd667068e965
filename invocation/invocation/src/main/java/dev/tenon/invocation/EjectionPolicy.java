package dev.tenon.invocation;

import static java.util.Objects.requireNonNull;

import dev.tenon.runtime.Backoff;
import java.time.Duration;

/**
 * When an endpoint is asked no more for a while. One that cannot be connected to, or is starting or
 * stopping, is left out at once, for at most two seconds; one that fails beyond a measure too.
 * After the time out a single call probes it; if that is answered, the endpoint gets its share back
 * little by little. When no other endpoint is left, one that was not there is probed early.
 *
 * @param failuresInRowMax how many failures in a row end it
 * @param failureShareMax which share of the calls may fail within the window: above 0, up to 1
 * @param callsMin of how many calls in the window the share is taken at least
 * @param window the time looked at
 * @param timeOut how long an endpoint is left out; longer each time it fails again
 * @param returnOver how long it takes to get back its whole share
 */
public record EjectionPolicy(
    int failuresInRowMax,
    double failureShareMax,
    int callsMin,
    Duration window,
    Backoff timeOut,
    Duration returnOver) {

  /** Checks the limits. */
  public EjectionPolicy {
    requireNonNull(window, "window");
    requireNonNull(timeOut, "timeOut");
    requireNonNull(returnOver, "returnOver");
    if (failuresInRowMax < 1) {
      throw new IllegalArgumentException(
          "failuresInRowMax: " + failuresInRowMax + " (expected: >= 1)");
    }
    if (!(failureShareMax > 0 && failureShareMax <= 1)) {
      throw new IllegalArgumentException(
          "failureShareMax: " + failureShareMax + " (expected: above 0, up to 1)");
    }
    if (callsMin < 1) {
      throw new IllegalArgumentException("callsMin: " + callsMin + " (expected: >= 1)");
    }
  }

  /**
   * Five failures in a row, or half of at least 20 calls in 10 s; left out for 250 ms to 30 s, back
   * over 10 s.
   *
   * @return what holds where nothing is set
   */
  public static EjectionPolicy defaults() {
    return new EjectionPolicy(
        5,
        0.5,
        20,
        Duration.ofSeconds(10),
        new Backoff(Duration.ofMillis(250), Duration.ofSeconds(30)),
        Duration.ofSeconds(10));
  }
}
