package dev.tenon.global;

import dev.tenon.transaction.spi.StatementBatch;
import dev.tenon.transaction.spi.TenonTables;
import java.util.Optional;
import java.util.UUID;

/**
 * A look at a step without a lock, whose statements go together with others: what was found is here
 * when they have run. Belongs to one thread.
 */
final class BranchLook {
  /** Of fixed length: see {@link StatementBatch#question}. The row is rarely there. */
  private static final String ROW =
      "SELECT xid IS NOT NULL AS there, told"
          + " FROM (SELECT set_config('tenon_at.branch', ?, true) IS NOT NULL AS told) AS one"
          + " LEFT JOIN tenon.branch ON xid = ? AND step = ?";

  private static final String PREPARED =
      "SELECT 1 FROM pg_prepared_xacts WHERE database = current_database()"
          + " AND starts_with(gid, ?)";

  private final BranchRow.Key key;
  private Optional<BranchRow> row = Optional.empty();
  private boolean prepared;

  BranchLook(BranchRow.Key key) {
    this.key = key;
  }

  /** Looks for a transaction that is prepared; to be added before the look at the row. */
  void askPrepared(StatementBatch batch, String gidBeginning) {
    batch.question(
        PREPARED,
        1,
        (select, first) -> select.setString(first, gidBeginning),
        found -> prepared = found.next());
  }

  /** Looks at the row, and tells the transaction of the branch that it may open. */
  void askRow(StatementBatch batch, TenonTables tables, BranchStore store, String told) {
    batch.question(
        tables.sql(ROW),
        3,
        (select, first) -> {
          select.setString(first, told);
          select.setString(first + 1, key.xid().text());
          select.setString(first + 2, key.step());
        },
        found -> {
          found.next();
          if (found.getBoolean("there")) {
            row = store.look(batch.connection(), key);
          }
        });
  }

  /** What a call meets. A prepared one is, to a repeated call, a try that has not ended. */
  BranchState state() {
    return row.map(BranchRow::state).orElseGet(this::unseen);
  }

  private BranchState unseen() {
    return prepared ? new BranchState.Trying(new UUID(0, 0)) : new BranchState.Absent();
  }
}
