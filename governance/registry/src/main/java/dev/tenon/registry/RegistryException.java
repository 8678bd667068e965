package dev.tenon.registry;

import org.jspecify.annotations.Nullable;

/** The registry could not do what it was asked. Unless it says otherwise, nothing was changed. */
public class RegistryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Says what could not be done, why, and what to do.
   *
   * @param message a whole sentence
   * @param cause what is behind it, if anything
   */
  public RegistryException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
