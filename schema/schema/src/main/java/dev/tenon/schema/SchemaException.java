package dev.tenon.schema;

/** A service's database could not be provisioned, opened or migrated. */
public final class SchemaException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates it.
   *
   * @param message what could not be done, why, and what to do
   */
  public SchemaException(String message) {
    super(message);
  }

  /**
   * Creates it with a cause.
   *
   * @param message what could not be done, why, and what to do
   * @param cause what the database said
   */
  public SchemaException(String message, Throwable cause) {
    super(message, cause);
  }
}
