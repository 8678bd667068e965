package dev.tenon.transaction;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.function.Consumer;

/**
 * One open local transaction, and what will be written with its commit.
 *
 * <p>Not thread-safe: it belongs to the thread that opened it, and is of no use after its end.
 */
public interface UnitOfWork {

  /**
   * The connection of the transaction. The caller neither commits, rolls back nor closes it: that
   * is refused with an {@link SQLException}. Savepoints are free.
   *
   * @return the one connection that business rows are written through
   */
  Connection connection();

  /**
   * Whether this unit only reads.
   *
   * @return {@code true} if writing and recording are refused
   */
  boolean readOnly();

  /**
   * Adds a record that is written just before the commit, after all business rows (and after JPA's
   * flush), in one batch with the other records of the same recorder. Order of adding is kept.
   *
   * @param recorder writes the batch; recorders write in the order of their first record
   * @param record what to write
   * @param <R> the kind of record
   * @throws TransactionException if the unit is read-only
   */
  <R> void record(Recorder<R> recorder, R record);

  /**
   * Adds the statement that is executed last, after all records: the check of a lease's fence.
   *
   * @param check throws to roll everything back
   */
  void beforeCommit(LastCheck check);

  /**
   * Runs something after the commit succeeded, on the committing thread. It must be quick, and must
   * not throw; it does not run when the unit rolls back or its outcome is unknown.
   *
   * @param action what to run
   */
  void afterCommit(Runnable action);

  /**
   * Runs something when the unit has ended, however it did, on its thread and after the actions of
   * {@link #afterCommit}. It must be quick, and must not throw.
   *
   * @param action gets how it ended
   */
  void afterEnd(Consumer<Ending> action);

  /** How a unit of work ended. */
  enum Ending {
    /** It is committed. */
    COMMITTED,

    /** Nothing of it is committed, or will be. */
    ROLLED_BACK,

    /** The answer to its commit was lost. */
    UNKNOWN
  }

  /** Marks the unit so that it can only roll back; its commit is refused. */
  void setRollbackOnly();

  /**
   * Writes records of one kind in one batch. Two recorders are the same if they are the same
   * object.
   *
   * @param <R> the kind of record
   */
  @FunctionalInterface
  interface Recorder<R> {
    /**
     * Writes the batch, in as few round trips as possible.
     *
     * @param connection the unit's connection
     * @param records what to write; in the order it was recorded, never empty
     * @throws SQLException to roll the unit back
     */
    void write(Connection connection, List<R> records) throws SQLException;
  }

  /** The last statement before a commit. */
  @FunctionalInterface
  interface LastCheck {
    /**
     * Checks, or writes what must be written last.
     *
     * @param connection the unit's connection
     * @throws SQLException to roll the unit back
     */
    void check(Connection connection) throws SQLException;
  }
}
