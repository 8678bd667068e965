package dev.tenon.testing.attack;

import java.util.Optional;

/**
 * How an attack ended.
 *
 * @param sent how much of it was sent: bytes, frames or connections, as the attack says
 * @param end why it ended
 * @param status the status of an HTTP/1.1 answer, if one came
 */
public record Result(long sent, End end, Optional<Integer> status) {
  /** Why an attack ended. */
  public enum End {
    /** The listener answered, or ended the connection. */
    STOPPED,
    /** All was sent, and nothing stopped it. */
    EXHAUSTED
  }
}
