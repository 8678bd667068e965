package dev.tenon.global;

import dev.tenon.global.PreparedTransactions.End;
import dev.tenon.global.PreparedTransactions.Found;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.Committing;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Branches that the database prepares. Their rows say that they are committed, and are seen when
 * that is so; before that, the prepared transaction's name is all there is of one. So whoever ends
 * one looks for the prepared transaction first, and for the row after that: never the other way
 * round, or it might be committed between the two looks and be taken for lost. Thread-safe.
 */
final class XaBranches {
  private static final Logger log = LoggerFactory.getLogger(XaBranches.class);

  /** How long an order waits for a try that is just being prepared. */
  private static final String LIMIT = "SET LOCAL lock_timeout = '500ms'";

  private final ParticipantParts parts;
  private final BranchMetrics metrics;
  private final PreparedTransactions prepared;

  XaBranches(ParticipantParts parts, BranchMetrics metrics) {
    this.parts = parts;
    this.metrics = metrics;
    this.prepared = new PreparedTransactions(parts.transactions().database());
  }

  /** Whether the service prepares transactions. */
  boolean declared() {
    return parts.types().stream().anyMatch(type -> type.kind() == BranchKind.XA);
  }

  /**
   * Looks whether the server does what the declared types need.
   *
   * @throws GlobalTransactionException if it does not, with the setting's name
   */
  void requireEnabled() {
    if (!declared()) {
      return;
    }
    try {
      prepared.requireEnabled();
    } catch (SQLException e) {
      throw new GlobalTransactionException(
          "Could not ask the database of service "
              + parts.service()
              + " whether it prepares transactions: "
              + e.getMessage()
              + ". Look at the database, and start again.",
          GlobalTransactionException.Told.UNKNOWN,
          e);
    }
  }

  /** All that the service has prepared in its database. */
  List<Found> all() throws SQLException {
    return prepared.find(Gid.beginning(prepared.place()));
  }

  /** The id of a new branch. */
  UUID newId(BranchRow.Key key) {
    return Gid.branch(key, parts.runtime().ids().next());
  }

  /** The row of a branch that is being opened, as it is to be seen. */
  static BranchRow whenCommitted(BranchRow row) {
    return new BranchRow(
        row.key(),
        row.id(),
        row.header(),
        BranchRow.Stored.COMMITTED,
        Optional.empty(),
        row.work(),
        new BranchRow.Times(row.times().openedAt(), Optional.empty(), Optional.empty()),
        row.counts(),
        Optional.empty());
  }

  /** Has a unit of work prepared in place of its commit. */
  void prepare(UnitOfWork unit, Serving serving, Branch branch) {
    Gid gid = new Gid(prepared.place(), serving.signed(), branch.id(), branch.step());
    String unused = gid.text(); // too long a name is told before any work is done
    if (!(unit instanceof Committing ending)) {
      throw new IllegalStateException(
          "Could not open an XA branch: units of work of the type "
              + unit.getClass().getName()
              + " cannot be prepared. Use the transactions of Tenon.");
    }
    ending.commitBy(connection -> prepared.prepare(connection, gid));
  }

  /** What a call meets. A prepared one is, to a repeated call, a try that has not ended. */
  BranchState look(Connection connection, BranchStore store, BranchRow.Key key)
      throws SQLException {
    BranchStore.Look look =
        store.lookPrepared(connection, key, Gid.beginning(prepared.place(), key));
    return look.row()
        .map(BranchRow::state)
        .orElseGet(
            () ->
                look.prepared()
                    ? new BranchState.Trying(new UUID(0, 0))
                    : new BranchState.Absent());
  }

  /** An order that may insert a row must not wait for as long as a transaction is prepared. */
  static void limitWait(Connection connection) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute(LIMIT);
    }
  }

  /**
   * Ends what is prepared of a branch. It may be repeated.
   *
   * @param branch its id; empty if its step is to be aborted, whatever was opened under it
   * @return what became of it; empty if the branch's row is to be looked at now
   */
  Optional<OrderResult> end(BranchRow.Key key, String header, Optional<UUID> branch, Outcome told) {
    try {
      if (branch.isEmpty()) {
        return abort(key);
      }
      if (!Gid.mayBe(key, branch.get())) {
        return Optional.empty();
      }
      Gid gid =
          new Gid(prepared.place(), new SignedXid(key.xid(), header), branch.get(), key.step());
      return end(gid, told);
    } catch (SQLException | RuntimeException e) {
      log.atInfo()
          .addKeyValue("xid", key.xid())
          .addKeyValue("step", key.step())
          .addKeyValue("reason", e.toString())
          .log("prepared transaction not ended now; it is tried again");
      return Optional.of(OrderResult.LATER);
    }
  }

  private Optional<OrderResult> abort(BranchRow.Key key) throws SQLException {
    boolean busy = false;
    for (Found found : prepared.find(Gid.beginning(prepared.place(), key))) {
      busy |= end(found.gid(), Outcome.ABORTED).isPresent();
    }
    return busy ? Optional.of(OrderResult.LATER) : Optional.empty();
  }

  /** Ends one that was found; empty if its row is to be looked at now. */
  Optional<OrderResult> end(Gid gid, Outcome outcome) throws SQLException {
    End end = prepared.end(gid, outcome);
    if (end == End.DONE) {
      metrics.ended(outcome);
    }
    return switch (end) {
      case BUSY -> Optional.of(OrderResult.LATER);
      case NOT_THERE -> Optional.empty();
      case DONE ->
          switch (outcome) {
            case COMMITTED -> Optional.of(OrderResult.DONE);
            case ABORTED -> Optional.empty(); // and barred
          };
    };
  }
}
