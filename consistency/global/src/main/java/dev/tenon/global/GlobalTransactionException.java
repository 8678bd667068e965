package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/**
 * Something went wrong with a distributed transaction; it always says how the transaction stands.
 */
public class GlobalTransactionException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Told told;

  /** How the transaction stands. */
  public enum Told {
    /** All of it is or will be confirmed. */
    COMMITTED,

    /** All of it is or will be undone. */
    ABORTED,

    /** It is one of both, and it cannot be said now which. */
    UNKNOWN
  }

  /**
   * Says what happened.
   *
   * @param message what could not be done, why, and what to do
   * @param told how the transaction stands
   * @param cause what failed; null if nothing else did
   */
  public GlobalTransactionException(String message, Told told, @Nullable Throwable cause) {
    super(message, cause);
    this.told = requireNonNull(told, "told");
  }

  /**
   * How the transaction stands.
   *
   * @return never a guess
   */
  public Told told() {
    return told;
  }
}
