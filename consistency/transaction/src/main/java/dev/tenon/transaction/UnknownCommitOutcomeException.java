package dev.tenon.transaction;

/**
 * The commit was sent and the connection broke before its answer: the work may be committed or not.
 * Never retry blindly: look the result up, or repeat under the same idempotency key.
 */
public final class UnknownCommitOutcomeException extends TransactionException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates it.
   *
   * @param service the service whose database it was
   * @param cause how the connection broke
   */
  public UnknownCommitOutcomeException(String service, Throwable cause) {
    super(
        "Could not learn the outcome of a commit [service="
            + service
            + "]: the connection broke before the answer. Look up whether the work is there before"
            + " you repeat it.",
        cause);
  }
}
