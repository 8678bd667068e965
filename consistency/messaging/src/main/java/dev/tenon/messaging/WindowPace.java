package dev.tenon.messaging;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/**
 * How long to hold the next window back, so that a window's commit, and those of the batches that
 * are read from it, pay for many messages. The gap grows with the rate: none to speak of where
 * messages come singly, {@code gapMax} from {@value #RATE_FULL} messages a second on. Not
 * thread-safe.
 */
final class WindowPace {
  /** Messages a second from which on the gap is the longest. */
  static final int RATE_FULL = 5_000;

  private final InstantSource clock;
  private final Duration gapMax;
  private Instant closedAt = Instant.MIN;

  WindowPace(InstantSource clock, Duration gapMax) {
    this.clock = clock;
    this.gapMax = gapMax;
  }

  /**
   * A window was closed just now.
   *
   * @param messages what it holds
   * @return how long to wait before the next is closed; zero after the first
   */
  Duration closed(long messages) {
    Instant now = clock.instant();
    Instant before = closedAt;
    closedAt = now;
    if (before.equals(Instant.MIN)) {
      return Duration.ZERO;
    }
    // A clock that was set back tells nothing of the rate.
    double seconds = Math.max(0, Duration.between(before, now).toNanos()) / 1e9;
    double load = seconds == 0 ? 1 : Math.min(1, messages / seconds / RATE_FULL);
    return Duration.ofNanos(Math.round(gapMax.toNanos() * load));
  }
}
