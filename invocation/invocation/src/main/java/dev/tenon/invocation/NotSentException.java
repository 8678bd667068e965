package dev.tenon.invocation;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/** The callee has certainly done nothing: the call may be repeated, whatever it is. */
public final class NotSentException extends CallException {
  private static final long serialVersionUID = 1L;

  /** Why a call was not sent. */
  public enum Reason {
    /** The service is not known here. */
    UNKNOWN_SERVICE,
    /** The service is known, and has no instance that could be asked. */
    NO_ENDPOINT,
    /** No instance could be connected to, or each refused to begin. */
    UNREACHABLE,
    /** As many calls as allowed are under way. */
    OVERLOADED,
    /** The caller's time was up. */
    DEADLINE
  }

  private final Reason reason;

  NotSentException(
      Target target, int attempts, Reason reason, String text, @Nullable Throwable cause) {
    super(target, attempts, text(target, attempts, text), cause);
    this.reason = requireNonNull(reason, "reason");
  }

  /**
   * Why it was not sent.
   *
   * @return the reason
   */
  public Reason reason() {
    return reason;
  }
}
