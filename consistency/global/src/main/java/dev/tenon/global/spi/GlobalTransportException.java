package dev.tenon.global.spi;

/** No answer came from another service; whether the request arrived is unknown. */
public final class GlobalTransportException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Says why.
   *
   * @param message the reason and the service
   * @param cause what failed
   */
  public GlobalTransportException(String message, Throwable cause) {
    super(message, cause);
  }
}
