package dev.tenon.invocation;

import org.jspecify.annotations.Nullable;

/**
 * The callee was asked, and no answer came: it may have done what it was asked or not. Neither
 * success nor failure; only a repetition under the same idempotency key tells.
 */
public final class UnknownOutcomeException extends CallException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes the exception.
   *
   * @param target what was called
   * @param attempts how many attempts were made
   * @param reason what happened, as a sentence with what to do
   * @param cause what the transport says; null if there is nothing more
   */
  public UnknownOutcomeException(
      Target target, int attempts, String reason, @Nullable Throwable cause) {
    super(target, attempts, text(target, attempts, reason), cause);
  }
}
