package dev.tenon.transaction;

import dev.tenon.schema.ServiceDatabase;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Local units of work in a service's own database: business rows and whatever Tenon must remember
 * about them are written by one commit.
 *
 * <p><b>Nesting.</b> A call inside an open unit of work joins it. When joined work throws, the
 * whole unit is rolled back: if the caller swallows the exception, its own commit is refused with
 * {@link RolledBackException}. <b>Read-only</b> work may not publish or write; joined to a writing
 * unit it is part of that unit, and writing work inside a read-only unit is refused.
 *
 * <p><b>Failures.</b> A checked or unchecked exception of the work rolls back and reaches the
 * caller as it is. {@link UnknownCommitOutcomeException} says that the commit was sent and no
 * answer came: it may have happened. Every other {@link TransactionException} means that nothing
 * was committed.
 *
 * <p>Thread-safe. A unit of work belongs to the thread that opened it.
 */
public interface Transactions {

  /**
   * Units of work over plain JDBC: one connection of the database's {@code DataSource} each, at its
   * default isolation.
   *
   * @param database the service's database
   * @return transactions that join only units of work they opened themselves
   */
  static Transactions of(ServiceDatabase database) {
    return new JdbcTransactions(database);
  }

  /**
   * Runs work in a unit of work and commits it, or joins the one that this thread has open.
   *
   * @param work what to do
   * @param <T> what it answers
   * @param <X> what it may throw
   * @return the work's answer, after the commit
   * @throws X if the work threw it; everything is rolled back
   * @throws TransactionException if no unit of work could be begun or committed
   */
  <T, X extends Exception> T call(Work<T, X> work) throws X;

  /**
   * Runs work that has no answer; else as {@link #call}.
   *
   * @param work what to do
   * @param <X> what it may throw
   * @throws X if the work threw it; everything is rolled back
   * @throws TransactionException if no unit of work could be begun or committed
   */
  default <X extends Exception> void run(Action<X> work) throws X {
    this.<Boolean, X>call(
        unit -> {
          work.run(unit);
          return true;
        });
  }

  /**
   * Runs work that only reads.
   *
   * @param work what to do; writing fails
   * @param <T> what it answers
   * @param <X> what it may throw
   * @return the work's answer
   * @throws X if the work threw it
   * @throws TransactionException if no unit of work could be begun
   */
  <T, X extends Exception> T read(Work<T, X> work) throws X;

  /**
   * The unit of work that this thread has open on the service's own database.
   *
   * @return it, or empty outside of one
   */
  Optional<UnitOfWork> current();

  /**
   * Tells a listener of each writing unit of work that is begun from now on, on the unit's thread,
   * before its work runs. Joining a unit begins none.
   *
   * @param listener may record in the unit; what it throws reaches who opens the unit, which is
   *     rolled back
   */
  void onBegin(Consumer<UnitOfWork> listener);

  /**
   * The database that the units of work belong to.
   *
   * @return the service's own database
   */
  ServiceDatabase database();

  /**
   * Work with an answer.
   *
   * @param <T> the answer
   * @param <X> what it may throw
   */
  @FunctionalInterface
  interface Work<T, X extends Exception> {
    /**
     * Does the work.
     *
     * @param unit the open unit of work
     * @return the answer
     * @throws X to roll back
     */
    T call(UnitOfWork unit) throws X;
  }

  /**
   * Work without an answer.
   *
   * @param <X> what it may throw
   */
  @FunctionalInterface
  interface Action<X extends Exception> {
    /**
     * Does the work.
     *
     * @param unit the open unit of work
     * @throws X to roll back
     */
    void run(UnitOfWork unit) throws X;
  }
}
