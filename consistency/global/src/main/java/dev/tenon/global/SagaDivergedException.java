package dev.tenon.global;

import org.jspecify.annotations.Nullable;

/** A saga's code does not go along with what was recorded. Nothing was done. */
public class SagaDivergedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  SagaDivergedException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
