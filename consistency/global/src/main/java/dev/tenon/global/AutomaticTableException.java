package dev.tenon.global;

import org.jspecify.annotations.Nullable;

/** A table cannot be opted in to automatic branches, or out; nothing was changed. */
public final class AutomaticTableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  AutomaticTableException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
