package dev.tenon.transaction.spi;

import dev.tenon.transaction.UnitOfWork;

/**
 * A unit of work that may end by another statement than a commit. Every writing unit that Tenon's
 * {@link dev.tenon.transaction.Transactions} open is one. As thread-safe as the unit.
 */
public interface Committing {

  /**
   * Has the unit end by {@code PREPARE TRANSACTION}, say, in place of its commit: after all records
   * and last checks, and only where it would have been committed. The statement must end the
   * connection's transaction. What it throws counts as what a failed commit does: if the connection
   * is lost, the outcome is unknown. Once it has returned, the unit has ended as committed.
   *
   * @param statement ends the transaction; of two for one unit, the last one counts
   */
  void commitBy(UnitOfWork.LastCheck statement);
}
