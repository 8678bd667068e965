package dev.tenon.global;

import dev.tenon.runtime.Json;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.spi.StatementBatch;
import dev.tenon.transaction.spi.TenonTables;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * Automatic (AT) branches. A transaction is told at its begin which branch it would have; the
 * triggers of the tables that were opted in open it with the first row that is written, and keep
 * what the rows were. Thread-safe.
 */
final class AutomaticBranches {
  /** A row is locked by another distributed transaction. */
  static final String LOCKED = "TN001";

  /** The call's step is over, or it has a branch already. */
  static final String TAKEN = "TN002";

  /** Rows are not as the branch had left them, or their table is another one. */
  static final String DIRTY = "TN004";

  /** A row may not be written here. */
  static final String REFUSED = "TN005";

  /** What an operator has said of a branch in a dirty state. */
  static final String OVERWRITE = "\"overwrite\"";

  private static final String ERROR = "ERROR: ";
  private static final String NONE_YET =
      "{\"refused\": \"the table was opted in a moment ago; repeat" + " the call\"}";
  private static final String ELSEWHERE =
      "{\"refused\": \"a call under a distributed transaction writes such rows in one unit of work,"
          + " the call's own\"}";

  private static final String TOO_LATE =
      "{\"refused\": \"the call has been looked at for a branch; write before its commit\"}";

  private final TenonTables tables;
  private final int imagesMax;
  private volatile Runnable released = () -> {};
  private volatile Known known = Known.NOT_YET;

  /** What this instance knows. */
  private enum Known {
    NOT_YET,
    NONE,
    SOME
  }

  AutomaticBranches(TenonTables tables, int imagesMax) {
    this.tables = tables;
    this.imagesMax = imagesMax;
  }

  /** What is told when rows are free again, after the commit. */
  void onRelease(Runnable listener) {
    released = listener;
  }

  /** Rows are free again. */
  void released() {
    released.run();
  }

  /** Whether any table is opted in, as far as this instance knows. */
  boolean present() {
    return known == Known.SOME;
  }

  /** Looks, if that was not done yet. */
  boolean present(Connection connection) throws SQLException {
    if (known == Known.NOT_YET) {
      refresh(connection);
    }
    return present();
  }

  /** Looks whether any table is opted in. */
  void refresh(Transactions transactions) {
    try {
      transactions.<Boolean, SQLException>read(
          unit -> {
            refresh(unit.connection());
            return true;
          });
    } catch (SQLException e) {
      throw new TransactionException(
          "Could not look whether tables are opted in: " + e.getMessage() + ". Try again.", e);
    }
  }

  private void refresh(Connection connection) throws SQLException {
    try (PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = '"
                    + AutomaticTables.TRIGGER
                    + "')");
        ResultSet row = select.executeQuery()) {
      row.next();
      known = row.getBoolean(1) ? Known.SOME : Known.NONE;
    }
  }

  /** What a transaction is told of the branch that it may open. */
  String told(BranchRow row) {
    if (!present()) {
      return NONE_YET;
    }
    BranchRow.Work work = row.work().orElseThrow();
    Xid xid = row.key().xid();
    return new String(
        Json.write(
            Map.ofEntries(
                Map.entry("xid", xid.text()),
                Map.entry("step", row.key().step()),
                Map.entry("id", row.known().toString()),
                Map.entry("header", row.header()),
                Map.entry("starter", xid.starter()),
                Map.entry("deadline", xid.deadline().toString()),
                Map.entry("caller", work.caller()),
                Map.entry("operation", work.operation()),
                Map.entry("openedAt", row.times().openedAt().toString()),
                Map.entry("nextAt", row.times().nextAt().map(Instant::toString).orElse("")),
                Map.entry("imagesMax", imagesMax))),
        StandardCharsets.UTF_8);
  }

  /** The transaction's branch is of another kind: it writes like anybody. */
  void plain(Connection connection) throws SQLException {
    if (present()) {
      tell(connection, "");
    }
  }

  /** The transaction is not the call's own. */
  void elsewhere(Connection connection) throws SQLException {
    tell(connection, ELSEWHERE);
  }

  private void tell(Connection connection, String what) throws SQLException {
    try (PreparedStatement set =
        tables.prepare(connection, "SELECT set_config('tenon_at.branch', ?, true)")) {
      set.setString(1, what);
      try (ResultSet row = set.executeQuery()) {
        row.next();
      }
    }
  }

  /**
   * All is written: lets deferred constraints write, too, and says whether there is a branch. If
   * there is none, none may be opened any more: nobody would name it.
   */
  Optional<UUID> opened(Connection connection) throws SQLException {
    if (!present()) {
      return Optional.empty();
    }
    try (PreparedStatement look =
        tables.prepare(
            connection,
            "SET CONSTRAINTS ALL IMMEDIATE;"
                + " SELECT nullif(current_setting('tenon_at.opened', true), '')::uuid,"
                + " CASE WHEN coalesce(current_setting('tenon_at.opened', true), '') = ''"
                + " AND coalesce(current_setting('tenon_at.branch', true), '') <> ''"
                + " THEN set_config('tenon_at.branch', '"
                + TOO_LATE
                + "', true) END")) {
      look.execute();
      if (!look.getMoreResults()) {
        throw new SQLException("no answer to the question for a branch");
      }
      try (ResultSet row = look.getResultSet()) {
        row.next();
        return Optional.ofNullable(row.getObject(1, UUID.class));
      }
    }
  }

  /** Applies a branch's images backwards. */
  void undo(Connection connection, BranchRow row) throws SQLException {
    boolean overwrite = row.work().filter(work -> work.argument().equals(OVERWRITE)).isPresent();
    try (PreparedStatement undo = tables.prepare(connection, "SELECT tenon.at_undo(?, ?)")) {
      undo.setObject(1, row.known());
      undo.setBoolean(2, overwrite);
      undo.execute();
    }
  }

  /** Drops what is kept of branches that have ended, and their locks. */
  void release(Connection connection, Collection<UUID> branches) throws SQLException {
    StatementBatch batch = new StatementBatch(connection);
    release(batch, branches);
    batch.run();
  }

  /** The same, together with other statements. */
  void release(StatementBatch batch, Collection<UUID> branches) {
    Connection connection = batch.connection();
    batch.question(
        tables.sql("SELECT tenon.at_release(?)"),
        1,
        (release, first) ->
            release.setArray(first, connection.createArrayOf("uuid", branches.toArray())),
        rows -> {});
  }

  /** Whether other branches of the same transaction have written the same rows after this one. */
  boolean isFollowed(Connection connection, UUID branch) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT EXISTS (SELECT FROM tenon.row_image i,"
                + " unnest(i.places, i.kinds, i.hashes) AS k(place, kind, hash)"
                + " JOIN tenon.row_lock l USING (place, kind, hash)"
                + " WHERE i.branch = ? AND k.kind <> 'S'"
                + " AND l.holders[cardinality(l.holders)] <> i.branch)")) {
      select.setObject(1, branch);
      try (ResultSet row = select.executeQuery()) {
        row.next();
        return row.getBoolean(1);
      }
    }
  }

  /** What the database says of a failure, if it is one of these. */
  static Optional<String> state(Throwable failure) {
    for (Throwable e = failure; e != null; e = e.getCause()) {
      if (e instanceof SQLException sql
          && sql.getSQLState() != null
          && sql.getSQLState().startsWith("TN0")) {
        return Optional.of(sql.getSQLState());
      }
    }
    return Optional.empty();
  }

  /** What one of these says, without where it was said. */
  static Optional<String> sentence(Throwable failure) {
    if (!(failure instanceof SQLException sql) || state(failure).isEmpty()) {
      return Optional.empty();
    }
    String text = String.valueOf(sql.getMessage());
    int end = text.indexOf('\n');
    String line = end < 0 ? text : text.substring(0, end);
    return Optional.of(line.startsWith(ERROR) ? line.substring(ERROR.length()) : line);
  }

  /** What is said of a locked row, if that is behind a failure. */
  static Optional<String> locked(Throwable failure) {
    for (Throwable e = failure; e != null; e = e.getCause()) {
      if (e instanceof SQLException sql && LOCKED.equals(sql.getSQLState())) {
        return sentence(e);
      }
    }
    return Optional.empty();
  }

  static boolean is(Throwable failure, String state) {
    return state(failure).filter(state::equals).isPresent();
  }
}
