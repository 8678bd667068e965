package dev.tenon.global;

import dev.tenon.global.Protocol.CommitCheck;
import dev.tenon.global.Protocol.Doubt;
import dev.tenon.global.Protocol.Facts;
import dev.tenon.transaction.spi.LocalCommit;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The decisions in the starter's database. Reads facts and inserts by compare-and-set; what follows
 * from them is {@link Protocol}'s to say. Thread-safe.
 *
 * <p>A decision is inserted first and the facts are read after it, by another statement in the same
 * round trip: while the row is there, uncommitted, another one waits for it; and the horizon of
 * what is forgotten stays locked until the commit. Under {@code REPEATABLE READ} both statements
 * fail if they meet what the transaction's snapshot does not see.
 */
final class DecisionStore {
  /** The database's clock, in SQL. */
  static final String CLOCK = "clock_timestamp()";

  /** Which history the database is in: a promoted standby and a restore are in another one. */
  private static final String INCARNATION =
      "lower(to_hex((pg_control_system()).system_identifier)"
          + " || left(pg_walfile_name(pg_current_wal_lsn()), 8))";

  private static final String INSERT =
      "WITH durable AS ("
          + TenonTables.FORCE_DURABLE
          + ") INSERT INTO tenon.global_decision (xid, xid_text, outcome, branches, started_at,"
          + " deadline, owner, next_at, acknowledged_at)"
          + " SELECT ?::uuid, ?::text, ?::text, ?::text, ?::timestamptz, ?::timestamptz, ?::uuid,"
          + " CASE WHEN told THEN clock_timestamp() + ? * interval '1 ms' END,"
          + " CASE WHEN NOT told THEN clock_timestamp() END"
          + " FROM durable, (SELECT ?::boolean AS told) AS t ON CONFLICT DO NOTHING; ";

  /** What stands in a decision's place while nobody knows what has become of a pivot. */
  private static final String PIVOT_SENT = "PIVOT_SENT";

  /** The condition under which a row is a decision. */
  static final String DECIDED = "outcome <> '" + PIVOT_SENT + "'";

  private static final String ANSWER =
      "WITH durable AS ("
          + TenonTables.FORCE_DURABLE
          + ") UPDATE tenon.global_decision SET outcome = ?, decided_at = clock_timestamp(),"
          + " owner = CASE WHEN told THEN ?::uuid END,"
          + " next_at = CASE WHEN told THEN clock_timestamp() + ? * interval '1 ms' END,"
          + " acknowledged_at = CASE WHEN NOT told THEN clock_timestamp() END"
          + " FROM durable, (SELECT branches <> ? AS told FROM tenon.global_decision"
          + " WHERE xid = ?::uuid) AS t WHERE xid = ?::uuid AND outcome = '"
          + PIVOT_SENT
          + "'; ";

  private static final String FACTS =
      "SELECT h.forgotten_before, d.outcome, d.branches, "
          + INCARNATION
          + " AS incarnation, clock_timestamp() AS now FROM tenon.global_horizon h"
          + " LEFT JOIN tenon.global_decision d ON d.xid = ?::uuid";

  /**
   * Of fixed length, so that it goes with what is before it; of a decision only that it is there.
   */
  private static final String SHORT_FACTS =
      "SELECT h.forgotten_before, d.xid IS NOT NULL AS there, ("
          + INCARNATION
          + ")::name AS incarnation, clock_timestamp() AS now FROM tenon.global_horizon h"
          + " LEFT JOIN tenon.global_decision d ON d.xid = ?::uuid FOR SHARE OF h";

  private static final String ALL_FACTS =
      "SELECT q.xid, h.forgotten_before, d.outcome, d.branches, "
          + INCARNATION
          + " AS incarnation, clock_timestamp() AS now FROM tenon.global_horizon h"
          + " CROSS JOIN unnest(?::uuid[]) AS q (xid)"
          + " LEFT JOIN tenon.global_decision d ON d.xid = q.xid";

  private final DataSource dataSource;
  private final TenonTables tables;
  private final String clock;
  private final Duration retryAfter;

  /**
   * Makes one.
   *
   * @param clock the database's clock, in SQL
   * @param retryAfter when participants are told again unless the decision is acknowledged
   */
  DecisionStore(DataSource dataSource, TenonTables tables, String clock, Duration retryAfter) {
    this.dataSource = dataSource;
    this.tables = tables;
    this.clock = clock;
    this.retryAfter = retryAfter;
  }

  /**
   * Inserts COMMITTED in the open transaction.
   *
   * @param owner the instance that will tell the participants
   * @return whether it may be committed; if it is not granted, the transaction must be rolled back
   */
  CommitCheck commit(Connection connection, SignedXid xid, List<Branch> branches, UUID owner)
      throws SQLException {
    Inserted inserted = insert(connection, xid, Outcome.COMMITTED.name(), branches, owner);
    return refused(inserted) ? CommitCheck.DECIDED : Protocol.commit(xid.xid(), inserted.facts());
  }

  /** Under REPEATABLE READ the row in the way may be one that this transaction does not see. */
  private static boolean refused(Inserted inserted) {
    return !inserted.byUs() && inserted.facts().doubt() == Doubt.NONE;
  }

  /**
   * Inserts in the open transaction that a saga's pivot is being sent. From its commit on nobody
   * can decide but by {@link #answer}.
   *
   * @param branches what is decided about
   * @return whether it may be committed; if it is not granted, the transaction must be rolled back
   */
  CommitCheck sendPivot(Connection connection, SignedXid xid, List<Branch> branches)
      throws SQLException {
    Inserted inserted = insert(connection, xid, PIVOT_SENT, branches, null);
    return refused(inserted)
        ? CommitCheck.DECIDED
        : Protocol.sendPivot(xid.xid(), inserted.facts());
  }

  /**
   * Stores what the answer to a pivot decides, in the open transaction.
   *
   * @param owner the instance that will tell the participants
   * @return the decision that stands with the commit; empty if it is lost that the pivot was sent
   */
  Optional<Decision> answer(Connection connection, Xid xid, Outcome outcome, UUID owner)
      throws SQLException {
    try (PreparedStatement update = tables.prepare(connection, timed(ANSWER + FACTS))) {
      update.setString(1, outcome.name());
      update.setObject(2, owner);
      update.setLong(3, retryAfter.toMillis());
      update.setString(4, Listing.NONE.text());
      update.setObject(5, xid.id());
      update.setObject(6, xid.id());
      update.setObject(7, xid.id());
      update.execute();
      boolean byUs = update.getUpdateCount() == 1;
      update.getMoreResults();
      try (ResultSet row = update.getResultSet()) {
        row.next();
        Facts facts = facts(row);
        Facts before = byUs ? without(facts, Doubt.PIVOT_SENT) : facts;
        return switch (Protocol.answerPivot(before)) {
          case GRANTED, DECIDED -> facts.decision();
          case LOST -> Optional.empty();
        };
      }
    }
  }

  boolean isPivotSent(Connection connection, Xid xid) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT FROM tenon.global_decision WHERE xid = ? AND NOT (" + DECIDED + ")")) {
      select.setObject(1, xid.id());
      try (ResultSet row = select.executeQuery()) {
        return row.next();
      }
    }
  }

  /** A pivot was sent, and only its answer decides. */
  static final class InDoubtException extends SQLException {
    private static final long serialVersionUID = 1L;

    InDoubtException(Xid xid) {
      super("a pivot of " + xid + " was sent, and its answer is not stored");
    }
  }

  /**
   * Inserts ABORTED, with a commit of its own, unless a decision is there. Waits for an insert
   * under way.
   *
   * @param branches to be undone, in the order in which they were opened
   * @return the decision that stands; empty if it is lost or forgotten
   * @throws InDoubtException if a pivot was sent
   */
  Optional<Decision> abort(SignedXid xid, List<Branch> branches, @Nullable UUID owner)
      throws SQLException {
    return LocalCommit.run(dataSource, connection -> abort(connection, xid, branches, owner));
  }

  /**
   * Inserts ABORTED in the open transaction unless a decision is there; the same as the other.
   *
   * @return the decision that stands with the commit; empty if it is lost or forgotten, and then
   *     nothing was inserted
   * @throws InDoubtException if a pivot was sent
   */
  Optional<Decision> abort(
      Connection connection, SignedXid xid, List<Branch> branches, @Nullable UUID owner)
      throws SQLException {
    Decision aborted = new Decision(Outcome.ABORTED, branches);
    Inserted inserted = insert(connection, xid, Outcome.ABORTED.name(), branches, owner);
    if (refused(inserted)) {
      return inserted.facts().decision();
    }
    return switch (Protocol.abort(xid.xid(), inserted.facts())) {
      case GRANTED -> Optional.of(aborted);
      case DECIDED -> inserted.facts().decision();
      case IN_DOUBT -> throw new InDoubtException(xid.xid());
      case OTHER_HISTORY, FORGOTTEN -> {
        delete(connection, xid.xid().id());
        yield Optional.empty();
      }
    };
  }

  /** What is known of transactions, as of one moment. */
  Map<UUID, Facts> facts(Set<UUID> xids) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select = tables.prepare(connection, timed(ALL_FACTS))) {
      select.setArray(1, connection.createArrayOf("uuid", xids.toArray()));
      boolean open = !connection.getAutoCommit();
      Map<UUID, Facts> found = new HashMap<>();
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          found.put(row.getObject("xid", UUID.class), facts(row));
        }
      }
      if (open) {
        connection.rollback();
      }
      return found;
    }
  }

  /** Which history the database is in. */
  String incarnation() throws SQLException {
    return LocalCommit.run(
        dataSource,
        connection -> {
          try (PreparedStatement select = tables.prepare(connection, "SELECT " + INCARNATION);
              ResultSet row = select.executeQuery()) {
            row.next();
            return row.getString(1);
          }
        });
  }

  /** The facts beside a row that was to be inserted. */
  private record Inserted(boolean byUs, Facts facts) {}

  private Inserted insert(
      Connection connection,
      SignedXid xid,
      String outcome,
      List<Branch> branches,
      @Nullable UUID owner)
      throws SQLException {
    UUID id = xid.xid().id();
    boolean told = !branches.isEmpty() || outcome.equals(PIVOT_SENT);
    try (PreparedStatement insert = tables.prepare(connection, timed(INSERT + SHORT_FACTS))) {
      insert.setObject(1, id);
      insert.setString(2, xid.header());
      insert.setString(3, outcome);
      insert.setString(4, new Listing(true, branches, List.of()).text());
      insert.setObject(5, time(xid.xid().startedAt()));
      insert.setObject(6, time(xid.xid().deadline()));
      insert.setObject(7, told ? owner : null);
      insert.setLong(8, retryAfter.toMillis());
      insert.setBoolean(9, told);
      insert.setObject(10, id);
      insert.execute();
      boolean byUs = insert.getUpdateCount() == 1;
      insert.getMoreResults();
      try (ResultSet row = insert.getResultSet()) {
        row.next();
        Facts facts =
            new Facts(
                row.getString("incarnation"),
                instant(row, "now"),
                instant(row, "forgotten_before"),
                Optional.empty(),
                Doubt.NONE);
        return byUs || !row.getBoolean("there")
            ? new Inserted(byUs, facts)
            : new Inserted(false, facts(connection, id));
      }
    }
  }

  /** With the decision that is in the way; the horizon is locked, so it cannot go. */
  private Facts facts(Connection connection, UUID id) throws SQLException {
    try (PreparedStatement select = tables.prepare(connection, timed(FACTS))) {
      select.setObject(1, id);
      try (ResultSet row = select.executeQuery()) {
        row.next();
        return facts(row);
      }
    }
  }

  private void delete(Connection connection, UUID id) throws SQLException {
    try (PreparedStatement delete =
        tables.prepare(connection, "DELETE FROM tenon.global_decision WHERE xid = ?")) {
      delete.setObject(1, id);
      delete.executeUpdate();
    }
  }

  private static Facts without(Facts facts, Doubt doubt) {
    return new Facts(
        facts.incarnation(), facts.now(), facts.forgottenBefore(), Optional.empty(), doubt);
  }

  private static Facts facts(ResultSet row) throws SQLException {
    String outcome = row.getString("outcome");
    boolean sent = PIVOT_SENT.equals(outcome);
    return new Facts(
        row.getString("incarnation"),
        instant(row, "now"),
        instant(row, "forgotten_before"),
        outcome == null || sent
            ? Optional.empty()
            : Optional.of(decision(outcome, row.getString("branches"))),
        sent ? Doubt.PIVOT_SENT : Doubt.NONE);
  }

  static Decision decision(String outcome, String branches) {
    return new Decision(Outcome.valueOf(outcome), Listing.parse(branches).kept());
  }

  /** The statement with the clock that was given. */
  String timed(String sql) {
    return clock.equals(CLOCK) ? sql : sql.replace(CLOCK, clock);
  }

  static OffsetDateTime time(Instant instant) {
    return instant.atOffset(ZoneOffset.UTC);
  }

  static Instant instant(ResultSet row, String column) throws SQLException {
    return row.getObject(column, OffsetDateTime.class).toInstant();
  }
}
