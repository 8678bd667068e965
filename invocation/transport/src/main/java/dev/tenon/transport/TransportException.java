package dev.tenon.transport;

/** The Tenon port could not be opened, or a service's keys could not be read or written. */
public class TransportException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates it.
   *
   * @param message what could not be done, why, and what to do
   */
  public TransportException(String message) {
    super(message);
  }

  /**
   * Creates it with a cause.
   *
   * @param message what could not be done, why, and what to do
   * @param cause why
   */
  public TransportException(String message, Throwable cause) {
    super(message, cause);
  }
}
