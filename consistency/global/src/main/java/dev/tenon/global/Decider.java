package dev.tenon.global;

import dev.tenon.transaction.UnitOfWork;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/** What sagas need of the starter's side. Thread-safe. */
interface Decider {

  /** A new transaction of this service; nothing is written. */
  SignedXid begin(Duration timeout);

  /**
   * Has COMMITTED written by the commit of a unit of work, and phase two begun after it.
   *
   * @throws GlobalTransactionException if it can only be aborted; also from the unit's commit
   */
  void commit(UnitOfWork unit, Scope scope);

  /**
   * Has ABORTED written by the commit of a unit of work unless another decision stands, and the
   * branches undone after it, the last one first.
   */
  void abort(UnitOfWork unit, SignedXid xid, List<Branch> opened);

  /** This process among the instances of the service, while its lease lasts. */
  UUID instance();

  /** The condition, on a column {@code owner}, under which the owner's lease has not lapsed. */
  String live();
}
