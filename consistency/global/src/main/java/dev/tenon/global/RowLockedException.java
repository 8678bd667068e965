package dev.tenon.global;

import java.util.Optional;

/**
 * A row was to be written that a distributed transaction has changed which has not ended yet.
 * Nothing was committed; the same may be done again.
 */
public final class RowLockedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private RowLockedException(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * Looks for the database's refusal behind a failure.
   *
   * @param failure what work in a unit of work has thrown, however it is wrapped
   * @return this exception, if that is what has happened
   */
  public static Optional<RowLockedException> behind(Throwable failure) {
    if (failure instanceof RowLockedException already) {
      return Optional.of(already);
    }
    return AutomaticBranches.locked(failure)
        .map(
            said ->
                new RowLockedException(
                    "Could not write: " + said + ". Repeat it when that one has ended.", failure));
  }
}
