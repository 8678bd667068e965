package dev.tenon.invocation;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/**
 * The callee was asked, and no answer came: it may have done what it was asked or not. Neither
 * success nor failure; only a repetition under the same idempotency key tells.
 */
public final class UnknownOutcomeException extends CallException {
  private static final long serialVersionUID = 1L;

  /** Why there is no answer. */
  public enum Reason {
    /** The time was up. */
    DEADLINE,
    /** It broke off, or could not be read. */
    BROKEN
  }

  private final Reason reason;

  /**
   * Makes the exception.
   *
   * @param target what was called
   * @param attempts how many attempts were made
   * @param reason why there is no answer
   * @param text what happened, as a sentence with what to do
   * @param cause what the transport says; null if there is nothing more
   */
  public UnknownOutcomeException(
      Target target, int attempts, Reason reason, String text, @Nullable Throwable cause) {
    super(target, attempts, text(target, attempts, text), cause);
    this.reason = requireNonNull(reason, "reason");
  }

  /**
   * Why there is no answer.
   *
   * @return the reason
   */
  public Reason reason() {
    return reason;
  }
}
