package dev.tenon.messaging;

/** A message that no retry will help: it is parked at once, with the reason. */
final class UndeliverableException extends MessagingException {
  private static final long serialVersionUID = 1L;

  UndeliverableException(String message) {
    super(message);
  }

  UndeliverableException(String message, Throwable cause) {
    super(message, cause);
  }
}
