package dev.tenon.global;

import dev.tenon.runtime.Backoff;
import java.time.Duration;
import java.time.Instant;

/** When a participant asks a starter about a branch. Thread-safe. */
final class AskTimes {
  private static final Duration LONGEST = Duration.ofMinutes(10);
  private static final Duration LONGEST_AFTER_DEADLINE = Duration.ofMinutes(1);

  private final ParticipantParts parts;

  AskTimes(ParticipantParts parts) {
    this.parts = parts;
  }

  /** The first time, if a branch is seen now. */
  Instant first(Instant now) {
    return now.plus(parts.config().askAfter());
  }

  /**
   * The next time: with growing waits, once more just after the deadline, and often from then on.
   *
   * @param asked how often it was before
   */
  Instant next(Xid xid, int asked, Instant now) {
    Instant deadline = xid.deadline();
    Duration first = parts.config().askAfter();
    boolean over = now.isAfter(deadline);
    Duration longest = longer(first, over ? LONGEST_AFTER_DEADLINE : LONGEST);
    Instant next = now.plus(new Backoff(first, longest).after(asked + 1, parts.runtime().random()));
    Instant decided = deadline.plus(first);
    return !over && decided.isBefore(next) ? decided : next;
  }

  private static Duration longer(Duration one, Duration other) {
    return one.compareTo(other) > 0 ? one : other;
  }
}
