package dev.tenon.testing.database;

import org.jspecify.annotations.Nullable;

/**
 * A PostgreSQL server could not be started, stopped, killed or asked. The message says what was
 * tried, on which data directory and port, why it failed and what to do.
 */
public final class PostgresServerException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  PostgresServerException(String message) {
    super(message);
  }

  PostgresServerException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
