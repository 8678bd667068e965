package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import dev.tenon.runtime.Backoff;
import java.time.Duration;

/**
 * The limits of distributed transactions in one service.
 *
 * @param timeout from a transaction's start to its hard deadline, unless it says otherwise
 * @param lease how long an instance may be silent before another takes its transactions over
 * @param keep how long decisions and closed branches outlive their use: the age of the oldest
 *     backup that may be restored
 * @param askAfter how long a branch is open before its participant asks about it; asked again with
 *     growing waits
 * @param endBackoff the waits between attempts to end a branch
 * @param undoAttemptsMax failed attempts to end a branch before it is parked
 * @param batchMax branches or transactions taken up by one round of background work
 * @param imagesMax rows that an automatic branch changes at most, counted as often as it does
 * @param lockWait how long a call waits, outside of its transaction, for rows that another
 *     distributed transaction has locked
 */
public record GlobalConfig(
    Duration timeout,
    Duration lease,
    Duration keep,
    Duration askAfter,
    Backoff endBackoff,
    int undoAttemptsMax,
    int batchMax,
    int imagesMax,
    Duration lockWait) {
  private static final int IMAGES_MAX = 10_000;
  private static final Duration LOCK_WAIT = Duration.ofSeconds(2);
  private static final GlobalConfig DEFAULTS =
      new GlobalConfig(
          Duration.ofSeconds(30),
          Duration.ofSeconds(3),
          Duration.ofDays(7),
          Duration.ofSeconds(5),
          new Backoff(Duration.ofMillis(200), Duration.ofMinutes(1)),
          10,
          100);

  /**
   * Limits of which those of automatic branches are the defaults: 10,000 images, 2 s for locked
   * rows.
   *
   * @param timeout from a transaction's start to its hard deadline, unless it says otherwise
   * @param lease how long an instance may be silent before another takes its transactions over
   * @param keep how long decisions and closed branches outlive their use
   * @param askAfter how long a branch is open before its participant asks about it
   * @param endBackoff the waits between attempts to end a branch
   * @param undoAttemptsMax failed attempts to end a branch before it is parked
   * @param batchMax branches or transactions taken up by one round of background work
   */
  public GlobalConfig(
      Duration timeout,
      Duration lease,
      Duration keep,
      Duration askAfter,
      Backoff endBackoff,
      int undoAttemptsMax,
      int batchMax) {
    this(
        timeout,
        lease,
        keep,
        askAfter,
        endBackoff,
        undoAttemptsMax,
        batchMax,
        IMAGES_MAX,
        LOCK_WAIT);
  }

  /** Checks the limits. */
  public GlobalConfig {
    requirePositive("timeout", timeout);
    requirePositive("lease", lease);
    requirePositive("keep", keep);
    requirePositive("askAfter", askAfter);
    requireNonNull(endBackoff, "endBackoff");
    requirePositive("undoAttemptsMax", undoAttemptsMax);
    requirePositive("batchMax", batchMax);
    requirePositive("imagesMax", imagesMax);
    requirePositive("lockWait", lockWait);
    if (timeout.compareTo(Xid.TIMEOUT_MAX) > 0) {
      throw new IllegalArgumentException(
          "timeout: " + timeout + " (expected: at most " + Xid.TIMEOUT_MAX + ")");
    }
  }

  /**
   * The defaults: 30 s to the deadline, leases of 3 s, 7 days kept, asked after 5 s, ten attempts,
   * 10,000 images, 2 s for locked rows.
   *
   * @return the defaults
   */
  public static GlobalConfig defaults() {
    return DEFAULTS;
  }

  private static void requirePositive(String name, Duration value) {
    if (value.isNegative() || value.isZero()) {
      throw new IllegalArgumentException(name + ": " + value + " (expected: > 0)");
    }
  }

  private static void requirePositive(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + ": " + value + " (expected: >= 1)");
    }
  }
}
