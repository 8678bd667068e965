package dev.tenon.transaction;

/**
 * A unit of work could not be begun, used or committed. Unless it is an {@link
 * UnknownCommitOutcomeException}, nothing was committed.
 */
public class TransactionException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates it.
   *
   * @param message what could not be done, why, and what to do
   */
  public TransactionException(String message) {
    super(message);
  }

  /**
   * Creates it with a cause.
   *
   * @param message what could not be done, why, and what to do
   * @param cause what the database said
   */
  public TransactionException(String message, Throwable cause) {
    super(message, cause);
  }
}
