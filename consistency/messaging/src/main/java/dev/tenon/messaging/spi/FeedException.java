package dev.tenon.messaging.spi;

import static java.util.Objects.requireNonNull;

import dev.tenon.messaging.MessagingException;

/** A feed could not be opened, or broke. */
public final class FeedException extends MessagingException {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  /** Why, by what the subscriber should do. */
  public enum Reason {
    /** Nobody answered, or the stream broke: try again later. */
    UNREACHABLE,
    /** The subscriber is not known, or may not read a topic: a person must change it. */
    FORBIDDEN,
    /** The publisher declares no such topic: a person must change it. */
    UNKNOWN_TOPIC,
    /** The publisher does not know the cursor: ask with older ones. */
    UNKNOWN_POSITION,
    /** The request itself is wrong. */
    INVALID,
    /** The stream was closed on this side. */
    CLOSED
  }

  /**
   * Creates it.
   *
   * @param reason why
   * @param message what could not be done, why, and what to do
   */
  public FeedException(Reason reason, String message) {
    super(message);
    this.reason = requireNonNull(reason, "reason");
  }

  /**
   * Creates it with a cause.
   *
   * @param reason why
   * @param message what could not be done, why, and what to do
   * @param cause what was thrown
   */
  public FeedException(Reason reason, String message, Throwable cause) {
    super(message, cause);
    this.reason = requireNonNull(reason, "reason");
  }

  /**
   * Why.
   *
   * @return the reason
   */
  public Reason reason() {
    return reason;
  }
}
