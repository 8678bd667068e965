package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import dev.tenon.transaction.UnitOfWork;

/**
 * How branches of one kind of work are confirmed and undone. Its name is stored with each branch,
 * so it must not change while one is open; every instance of the service declares the same types.
 *
 * @param name unique in the service
 * @param kind how its branches end
 * @param argument the type of what is stored with a branch
 * @param confirm run when the transaction commits; does nothing for a saga
 * @param undo the compensation or cancel; run when it aborts
 * @param <T> the argument's type
 */
public record BranchType<T>(
    String name, BranchKind kind, Class<T> argument, End<T> confirm, End<T> undo) {

  /** Checks that nothing is missing. */
  public BranchType {
    requireNonNull(name, "name");
    requireNonNull(kind, "kind");
    requireNonNull(argument, "argument");
    requireNonNull(confirm, "confirm");
    requireNonNull(undo, "undo");
  }

  /**
   * Ends a branch. It may be run again after it failed or its commit is unknown.
   *
   * @param <T> the argument's type
   */
  @FunctionalInterface
  public interface End<T> {
    /**
     * Does it.
     *
     * @param argument what was stored when the branch was opened
     * @param unit the unit of work that closes the branch
     * @throws Exception to try again later
     */
    void run(T argument, UnitOfWork unit) throws Exception;
  }

  /**
   * A saga's step.
   *
   * @param name unique in the service
   * @param argument the type of what the compensation gets
   * @param compensate undoes the step's effect
   * @param <T> the argument's type
   * @return the type
   */
  public static <T> BranchType<T> saga(String name, Class<T> argument, End<T> compensate) {
    return new BranchType<>(name, BranchKind.SAGA, argument, (value, unit) -> {}, compensate);
  }

  /**
   * A try that is confirmed or cancelled.
   *
   * @param name unique in the service
   * @param argument the type of what confirm and cancel get
   * @param confirm makes the reservation final
   * @param cancel gives the reservation back
   * @param <T> the argument's type
   * @return the type
   */
  public static <T> BranchType<T> tcc(
      String name, Class<T> argument, End<T> confirm, End<T> cancel) {
    return new BranchType<>(name, BranchKind.TCC, argument, confirm, cancel);
  }

  /**
   * Work that the database prepares, and commits or rolls back.
   *
   * @param name unique in the service
   * @param argument the type of what a branch is opened with; it is not stored
   * @param <T> the argument's type
   * @return the type
   */
  public static <T> BranchType<T> xa(String name, Class<T> argument) {
    End<T> nothing = (value, unit) -> {};
    return new BranchType<>(name, BranchKind.XA, argument, nothing, nothing);
  }
}
