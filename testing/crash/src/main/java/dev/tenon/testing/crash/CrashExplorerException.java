package dev.tenon.testing.crash;

/** A scenario could not be explored; it says nothing about how it survives crashes. */
public final class CrashExplorerException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates it.
   *
   * @param message what could not be done, why, and what to do
   */
  CrashExplorerException(String message) {
    super(message);
  }

  /**
   * Creates it with a cause.
   *
   * @param message what could not be done, why, and what to do
   * @param cause what was thrown
   */
  CrashExplorerException(String message, Throwable cause) {
    super(message, cause);
  }
}
