package dev.tenon.global;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.global.Protocol.CommitCheck;
import dev.tenon.transaction.UnitOfWork;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/**
 * What sagas need of the starter's side: they are decided in its database, in the commits that move
 * their rows on. Thread-safe.
 */
final class SagaDecider {
  private final Function<Duration, SignedXid> xids;
  private final DecisionStore store;
  private final Instances instances;
  private final PhaseTwo phaseTwo;

  SagaDecider(
      Function<Duration, SignedXid> xids,
      DecisionStore store,
      Instances instances,
      PhaseTwo phaseTwo) {
    this.xids = xids;
    this.store = store;
    this.instances = instances;
    this.phaseTwo = phaseTwo;
  }

  /** A new transaction of this service; nothing is written. */
  SignedXid begin(Duration timeout) {
    return xids.apply(timeout);
  }

  /**
   * Has COMMITTED written by the commit of a unit of work, and phase two begun after it.
   *
   * @throws GlobalTransactionException if it can only be aborted; also from the unit's commit
   */
  void commit(UnitOfWork unit, Scope scope) {
    Ledger ledger = scope.ledger();
    requireCommittable(scope, ledger);
    SignedXid xid = new SignedXid(scope.xid(), scope.header());
    List<Branch> branches = ledger.branches();
    // Also without branches: what an earlier run has opened on another path is then undone at once.
    unit.beforeCommit(connection -> insert(connection, xid, branches));
    unit.afterCommit(
        () -> {
          phaseTwo.committed(xid, branches);
          phaseTwo.undo(xid, ledger.dropped(), ledger.untold());
        });
  }

  private static void requireCommittable(Scope scope, Ledger ledger) {
    ledger
        .obstacle()
        .ifPresent(
            reason -> {
              throw refused(scope.xid(), reason);
            });
  }

  /**
   * Has written, by the commit of a unit of work, that a pivot is sent: from then on its answer
   * alone decides.
   *
   * @throws GlobalTransactionException if it can only be aborted; also from the unit's commit
   */
  void sendPivot(UnitOfWork unit, Scope scope) {
    Ledger ledger = scope.ledger();
    requireCommittable(scope, ledger);
    SignedXid xid = new SignedXid(scope.xid(), scope.header());
    unit.beforeCommit(
        connection -> require(store.sendPivot(connection, xid, ledger.branches()), xid));
  }

  /**
   * Has written what the answer to a pivot decides by the commit of a unit of work, and phase two
   * begun after it.
   *
   * @throws GlobalTransactionException if the database has lost that the pivot was sent; from the
   *     unit's commit
   */
  void answerPivot(UnitOfWork unit, Scope scope, Outcome outcome) {
    Ledger ledger = scope.ledger();
    SignedXid xid = new SignedXid(scope.xid(), scope.header());
    List<Decision> stored = new ArrayList<>();
    unit.beforeCommit(connection -> stored.add(answered(connection, xid, outcome)));
    unit.afterCommit(
        () -> {
          stored.forEach(decision -> phaseTwo.stored(xid.header(), xid.xid().id(), decision));
          phaseTwo.undo(xid, ledger.dropped(), ledger.untold());
        });
  }

  /** Whether a pivot is in doubt, as far as the database knows. */
  boolean isPivotSent(Connection connection, Xid xid) throws SQLException {
    return store.isPivotSent(connection, xid);
  }

  private Decision answered(Connection connection, SignedXid xid, Outcome outcome)
      throws SQLException {
    Optional<Decision> standing = store.answer(connection, xid.xid(), outcome, instances.id());
    if (standing.isEmpty()) {
      throw new GlobalTransactionException(
          "Could not store the answer to the pivot of the saga "
              + xid.xid()
              + ", which was "
              + (outcome == Outcome.COMMITTED ? "done" : "refused")
              + ": the database has lost that it was sent. Look at its branches.",
          Told.UNKNOWN,
          null);
    }
    if (standing.get().outcome() != outcome) {
      throw new SagaStore.LostException(xid.xid());
    }
    return standing.get();
  }

  private void insert(Connection connection, SignedXid xid, List<Branch> branches)
      throws SQLException {
    require(store.commit(connection, xid, branches, instances.id()), xid);
  }

  private void require(CommitCheck check, SignedXid xid) {
    switch (check) {
      case GRANTED -> {}
      case DECIDED -> throw refused(xid.xid(), "it is decided already");
      case IN_DOUBT -> throw refused(xid.xid(), "a pivot was sent, whose answer is not known");
      case TOO_LATE -> throw refused(xid.xid(), "its deadline has passed");
      case OTHER_HISTORY -> {
        instances.forgetIncarnation();
        throw refused(xid.xid(), "the database was restored or failed over");
      }
      case FORGOTTEN -> throw refused(xid.xid(), "it was started too long ago");
    }
  }

  /**
   * Has ABORTED written by the commit of a unit of work unless another decision stands, and the
   * branches undone after it, the last one first.
   */
  void abort(UnitOfWork unit, SignedXid xid, List<Branch> opened) {
    unit.beforeCommit(
        connection -> {
          Optional<Decision> standing;
          try {
            standing = store.abort(connection, xid, opened, instances.id());
          } catch (DecisionStore.InDoubtException e) {
            throw lost(xid, e);
          }
          if (standing.isEmpty()) {
            throw new GlobalTransactionException(
                "Could not abort the saga "
                    + xid.xid()
                    + ": what was decided about it is lost or forgotten. Look at its branches.",
                Told.UNKNOWN,
                null);
          }
          if (standing.get().outcome() == Outcome.COMMITTED) {
            throw new SagaStore.LostException(xid.xid());
          }
        });
    unit.afterCommit(
        () -> phaseTwo.stored(xid.header(), xid.xid().id(), new Decision(Outcome.ABORTED, opened)));
  }

  /** This process among the instances of the service, while its lease lasts. */
  UUID instance() {
    return instances.id();
  }

  /** The condition, on a column {@code owner}, under which the owner's lease has not lapsed. */
  String live() {
    return store.timed(Instances.live("owner"));
  }

  private static SagaStore.LostException lost(SignedXid xid, SQLException cause) {
    SagaStore.LostException lost = new SagaStore.LostException(xid.xid());
    lost.initCause(cause);
    return lost;
  }

  private static GlobalTransactionException refused(Xid xid, String reason) {
    return new GlobalTransactionException(
        "Could not commit the saga " + xid + ": " + reason + ".", Told.ABORTED, null);
  }
}
