package dev.tenon.messaging;

/** A message could not be published, or an operation on messages could not be done. */
public class MessagingException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates it.
   *
   * @param message what could not be done, why, and what to do
   */
  public MessagingException(String message) {
    super(message);
  }

  /**
   * Creates it with a cause.
   *
   * @param message what could not be done, why, and what to do
   * @param cause why
   */
  public MessagingException(String message, Throwable cause) {
    super(message, cause);
  }
}
