package dev.tenon.global;

import dev.tenon.transaction.spi.StatementBatch;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The branches in this service's database.
 *
 * <p>A try, and what bars it, insert a row under one primary key, and so one of them comes first,
 * whatever either has read before. All later changes are made by whoever holds the row's lock;
 * nobody waits for it.
 */
final class BranchStore {
  static final String COLUMNS =
      "xid, step, id, header, state, wanted, kind, type, argument, caller, operation, opened_at,"
          + " try_until, next_at, asked, attempts, error";

  private static final String DURABLE = "WITH durable AS (" + TenonTables.FORCE_DURABLE + ") ";

  private static final String INSERT =
      DURABLE
          + "INSERT INTO tenon.branch (xid, step, id, header, starter, deadline, state, kind,"
          + " type, argument, caller, operation, opened_at, try_until, next_at, ended_at)"
          + " SELECT ?::text, ?::text, ?::uuid, ?::text, ?::text, ?::timestamptz, ?::text,"
          + " ?::text, ?::text, ?::text, ?::text, ?::text, ?::timestamptz, ?::timestamptz,"
          + " ?::timestamptz, ?::timestamptz FROM durable ON CONFLICT DO NOTHING";

  private static final int INSERTED = 16;

  private static final String CLOSE =
      DURABLE
          + "UPDATE tenon.branch SET state = ?, wanted = NULL, next_at = NULL,"
          // A try that is no local commit may end late, and be undone then.
          + " argument = CASE WHEN try_until IS NOT NULL THEN argument END,"
          + " error = NULL, ended_at = ? FROM durable WHERE xid = ? AND step = ?";

  /** The rows of some keys. It names them one by one, so that it never reads the whole table. */
  private static final String LOCK =
      "SELECT b.* FROM unnest(?::text[], ?::text[]) AS k(of_xid, of_step), LATERAL (SELECT "
          + COLUMNS
          + " FROM tenon.branch WHERE xid = k.of_xid AND step = k.of_step";

  private static final String SKIPPING = " FOR UPDATE SKIP LOCKED) AS b";

  /** In a snapshot that is later than the locks, as a branch's messages are written before it. */
  private static final String HOLDERS =
      "SELECT DISTINCT m.holder FROM unnest(?::text[], ?::text[]) AS k(of_xid, of_step),"
          + " LATERAL (SELECT id FROM tenon.branch WHERE xid = k.of_xid AND step = k.of_step) AS b,"
          + " LATERAL (SELECT holder FROM tenon.branch_message WHERE holder = b.id LIMIT 1) AS m";

  private final TenonTables tables;

  BranchStore(TenonTables tables) {
    this.tables = tables;
  }

  /** There is a row under the key of a try already, perhaps unseen by its snapshot. */
  static final class TakenException extends SQLException {
    private static final long serialVersionUID = 1L;

    TakenException(BranchRow.Key key) {
      super("the step " + key.step() + " of " + key.xid() + " has been undone or opened already");
    }
  }

  /** What was found under a key. */
  sealed interface Found {
    /**
     * A row, locked until the end of the transaction.
     *
     * @param holds whether messages wait for its end
     */
    record Row(BranchRow row, boolean holds) implements Found {}

    /** Nothing. */
    record Missing() implements Found {}

    /** A row that somebody else is working on. */
    record Busy() implements Found {}
  }

  /** Reads without a lock. */
  Optional<BranchRow> look(Connection connection, BranchRow.Key key) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection, "SELECT " + COLUMNS + " FROM tenon.branch WHERE xid = ? AND step = ?")) {
      select.setString(1, key.xid().text());
      select.setString(2, key.step());
      try (ResultSet row = select.executeQuery()) {
        return row.next() ? Optional.of(read(row)) : Optional.empty();
      }
    }
  }

  /** Says what an operator has said of a branch whose lock is held. */
  void argument(Connection connection, BranchRow.Key key, String argument) throws SQLException {
    try (PreparedStatement update =
        tables.prepare(
            connection, "UPDATE tenon.branch SET argument = ? WHERE xid = ? AND step = ?")) {
      update.setString(1, argument);
      update.setString(2, key.xid().text());
      update.setString(3, key.step());
      update.executeUpdate();
    }
  }

  /** Locks one. */
  Found lock(Connection connection, BranchRow.Key key) throws SQLException {
    return lock(connection, List.of(key)).getOrDefault(key, new Found.Missing());
  }

  /** Waits for whoever has locked a row, and locks it. */
  Optional<BranchRow> await(Connection connection, BranchRow.Key key) throws SQLException {
    List<BranchRow> found = new ArrayList<>();
    StatementBatch batch = new StatementBatch(connection);
    byKeys(batch, LOCK + " FOR UPDATE) AS b", List.of(key), row -> found.add(read(row)));
    batch.run();
    return found.stream().findFirst();
  }

  /** Locks those that nobody else has locked. */
  Map<BranchRow.Key, Found> lock(Connection connection, List<BranchRow.Key> keys)
      throws SQLException {
    return lock(new StatementBatch(connection), keys);
  }

  /** The same, in the round trip of what was added before. */
  Map<BranchRow.Key, Found> lock(StatementBatch batch, List<BranchRow.Key> keys)
      throws SQLException {
    List<BranchRow> rows = new ArrayList<>();
    Set<UUID> holders = new HashSet<>();
    byKeys(batch, LOCK + SKIPPING, keys, row -> rows.add(read(row)));
    byKeys(batch, HOLDERS, keys, row -> holders.add(row.getObject(1, UUID.class)));
    batch.run();
    Map<BranchRow.Key, Found> found = new HashMap<>();
    for (BranchRow row : rows) {
      boolean holds = row.id().filter(holders::contains).isPresent();
      found.put(row.key(), new Found.Row(row, holds));
    }
    List<BranchRow.Key> rest = keys.stream().filter(key -> !found.containsKey(key)).toList();
    if (!rest.isEmpty()) {
      Set<BranchRow.Key> busy = existing(batch, rest);
      rest.forEach(
          key -> found.put(key, busy.contains(key) ? new Found.Busy() : new Found.Missing()));
    }
    return found;
  }

  private Set<BranchRow.Key> existing(StatementBatch batch, List<BranchRow.Key> keys)
      throws SQLException {
    Set<BranchRow.Key> existing = new HashSet<>();
    byKeys(
        batch,
        LOCK + ") AS b",
        keys,
        row ->
            existing.add(
                new BranchRow.Key(Xid.parse(row.getString("xid")), row.getString("step"))));
    batch.run();
    return existing;
  }

  /** Reads one row. */
  @FunctionalInterface
  private interface RowReader {
    void read(ResultSet row) throws SQLException;
  }

  private void byKeys(
      StatementBatch batch, String sql, List<BranchRow.Key> keys, RowReader reader) {
    Object[] xids = keys.stream().map(key -> key.xid().text()).toArray();
    Object[] steps = keys.stream().map(BranchRow.Key::step).toArray();
    Connection connection = batch.connection();
    batch.question(
        tables.sql(sql),
        2,
        (select, first) -> {
          select.setArray(first, connection.createArrayOf("text", xids));
          select.setArray(first + 1, connection.createArrayOf("text", steps));
        },
        row -> {
          while (row.next()) {
            reader.read(row);
          }
        });
  }

  /** Inserts the row of a try; fails with {@link TakenException} if there is one under its key. */
  void open(StatementBatch batch, BranchRow row) {
    insert(
        batch,
        row,
        rows -> {
          if (rows != 1) {
            throw new TakenException(row.key());
          }
        });
  }

  /** Inserts a row unless there is one; waits for another insert under its key to end. */
  boolean insert(Connection connection, BranchRow row) throws SQLException {
    int[] inserted = new int[1];
    StatementBatch batch = new StatementBatch(connection);
    insert(batch, row, rows -> inserted[0] = rows);
    batch.run();
    return inserted[0] == 1;
  }

  private void insert(StatementBatch batch, BranchRow row, StatementBatch.CountCheck check) {
    Optional<BranchRow.Work> work = row.work();
    Xid xid = row.key().xid();
    boolean ended = row.state() instanceof BranchState.Closed;
    batch.change(
        tables.sql(INSERT),
        INSERTED,
        (insert, first) -> {
          insert.setString(first, xid.text());
          insert.setString(first + 1, row.key().step());
          insert.setObject(first + 2, row.id().orElse(null));
          insert.setString(first + 3, row.header());
          insert.setString(first + 4, xid.starter());
          insert.setObject(first + 5, time(xid.deadline()));
          insert.setString(first + 6, row.stored().name());
          insert.setString(first + 7, work.map(w -> w.kind().name()).orElse(null));
          insert.setString(first + 8, work.map(BranchRow.Work::type).orElse(null));
          insert.setString(
              first + 9, ended ? null : work.map(BranchRow.Work::argument).orElse(null));
          insert.setString(first + 10, work.map(BranchRow.Work::caller).orElse(null));
          insert.setString(first + 11, work.map(BranchRow.Work::operation).orElse(null));
          insert.setObject(first + 12, time(row.times().openedAt()));
          insert.setObject(first + 13, row.times().tryUntil().map(BranchStore::time).orElse(null));
          insert.setObject(first + 14, row.times().nextAt().map(BranchStore::time).orElse(null));
          insert.setObject(first + 15, ended ? time(row.times().openedAt()) : null);
        },
        check);
  }

  /** Inserts what bars a try that has not come; says whether nothing was there. */
  boolean bar(Connection connection, BranchRow.Key key, String header, Instant now)
      throws SQLException {
    return insert(
        connection,
        new BranchRow(
            key,
            Optional.empty(),
            header,
            BranchRow.Stored.ABORTED,
            Optional.empty(),
            Optional.empty(),
            new BranchRow.Times(now, Optional.empty(), Optional.empty()),
            BranchRow.Counts.NONE,
            Optional.empty()));
  }

  /** Ends a branch whose lock is held. */
  void close(Connection connection, BranchRow.Key key, Outcome outcome, Instant now)
      throws SQLException {
    StatementBatch batch = new StatementBatch(connection);
    close(batch, key, outcome, now);
    batch.run();
  }

  /** The same, together with other statements. */
  void close(StatementBatch batch, BranchRow.Key key, Outcome outcome, Instant now) {
    batch.change(
        tables.sql(CLOSE),
        4,
        (update, first) -> {
          update.setString(first, BranchRow.closed(outcome).name());
          update.setObject(first + 1, time(now));
          update.setString(first + 2, key.xid().text());
          update.setString(first + 3, key.step());
        },
        rows -> {});
  }

  /** What changes of a branch that goes on. */
  record Change(
      BranchRow.Stored stored,
      Optional<Outcome> wanted,
      Optional<Instant> nextAt,
      BranchRow.Counts counts,
      Optional<String> error) {}

  /** Changes a branch whose lock is held. */
  void change(Connection connection, BranchRow.Key key, Change change) throws SQLException {
    try (PreparedStatement update =
        tables.prepare(
            connection,
            DURABLE
                + "UPDATE tenon.branch SET state = ?, wanted = ?, next_at = ?, asked = ?,"
                + " attempts = ?, error = ? FROM durable WHERE xid = ? AND step = ?")) {
      update.setString(1, change.stored().name());
      update.setString(2, change.wanted().map(Outcome::name).orElse(null));
      update.setObject(3, change.nextAt().map(BranchStore::time).orElse(null));
      update.setInt(4, change.counts().asked());
      update.setInt(5, change.counts().attempts());
      update.setString(6, change.error().orElse(null));
      update.setString(7, key.xid().text());
      update.setString(8, key.step());
      update.executeUpdate();
    }
  }

  /** When the next branch is due to be asked about or ended; empty if none waits. */
  Optional<Instant> nextDue(Connection connection) throws SQLException {
    try (PreparedStatement select =
            tables.prepare(connection, "SELECT min(next_at) AS next_at FROM tenon.branch");
        ResultSet row = select.executeQuery()) {
      row.next();
      return instant(row, "next_at");
    }
  }

  /** Locks branches that are due, the longest due first. */
  List<BranchRow> lockDue(Connection connection, Instant now, int most) throws SQLException {
    return list(
        connection,
        "WHERE next_at <= ? ORDER BY next_at LIMIT ? FOR UPDATE SKIP LOCKED",
        time(now),
        most);
  }

  /** Says when locked branches are next due. */
  void postpone(Connection connection, Map<BranchRow, Instant> branches) throws SQLException {
    try (PreparedStatement update =
        tables.prepare(
            connection,
            "UPDATE tenon.branch SET next_at = ?, asked = asked + ? WHERE xid = ? AND step = ?")) {
      for (Map.Entry<BranchRow, Instant> branch : branches.entrySet()) {
        update.setObject(1, time(branch.getValue()));
        update.setInt(2, branch.getKey().wanted().isPresent() ? 0 : 1);
        update.setString(3, branch.getKey().key().xid().text());
        update.setString(4, branch.getKey().key().step());
        update.addBatch();
      }
      update.executeBatch();
    }
  }

  /** All of some transactions, by step, those that have ended included. */
  List<BranchRow> of(Connection connection, List<String> xids) throws SQLException {
    List<BranchRow> found = new ArrayList<>();
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT " + COLUMNS + " FROM tenon.branch WHERE xid = ANY (?) ORDER BY xid, step")) {
      select.setArray(1, connection.createArrayOf("text", xids.toArray()));
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          found.add(read(row));
        }
      }
    }
    return found;
  }

  private List<BranchRow> list(Connection connection, String where, OffsetDateTime time, int most)
      throws SQLException {
    List<BranchRow> found = new ArrayList<>();
    try (PreparedStatement select =
        tables.prepare(connection, "SELECT " + COLUMNS + " FROM tenon.branch " + where)) {
      select.setObject(1, time);
      select.setInt(2, most);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          found.add(read(row));
        }
      }
    }
    return found;
  }

  /** How many have not ended, and for how long the oldest of them is open. */
  record Census(long open, long parked, Duration oldest) {}

  /** Counts. */
  Census census(Connection connection, Instant now) throws SQLException {
    try (PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT count(*) FILTER (WHERE state <> 'PARKED') AS open,"
                    + " count(*) FILTER (WHERE state = 'PARKED') AS parked,"
                    + " min(opened_at) AS oldest FROM tenon.branch"
                    + " WHERE next_at IS NOT NULL OR state = 'PARKED'");
        ResultSet row = select.executeQuery()) {
      row.next();
      Duration oldest =
          instant(row, "oldest").map(since -> Duration.between(since, now)).orElse(Duration.ZERO);
      return new Census(row.getLong("open"), row.getLong("parked"), oldest);
    }
  }

  /**
   * Deletes branches whose deadline and end are long ago, as {@link Protocol#maySweep} allows; says
   * how many.
   */
  int sweep(Connection connection, Instant before, int most) throws SQLException {
    try (PreparedStatement delete =
        tables.prepare(
            connection,
            "DELETE FROM tenon.branch WHERE ctid = ANY (ARRAY(SELECT ctid FROM tenon.branch"
                + " WHERE state IN ('COMMITTED', 'ABORTED') AND deadline < ? AND ended_at < ?"
                + " ORDER BY deadline LIMIT ?))")) {
      delete.setObject(1, time(before));
      delete.setObject(2, time(before));
      delete.setInt(3, most);
      return delete.executeUpdate();
    }
  }

  static BranchRow read(ResultSet row) throws SQLException {
    String type = row.getString("type");
    Optional<BranchRow.Work> work =
        type == null
            ? Optional.empty()
            : Optional.of(
                new BranchRow.Work(
                    BranchKind.valueOf(row.getString("kind")),
                    type,
                    Optional.ofNullable(row.getString("argument")).orElse("null"),
                    row.getString("caller"),
                    row.getString("operation")));
    return new BranchRow(
        new BranchRow.Key(Xid.parse(row.getString("xid")), row.getString("step")),
        Optional.ofNullable(row.getObject("id", UUID.class)),
        row.getString("header"),
        BranchRow.Stored.valueOf(row.getString("state")),
        Optional.ofNullable(row.getString("wanted")).map(Outcome::valueOf),
        work,
        new BranchRow.Times(
            row.getObject("opened_at", OffsetDateTime.class).toInstant(),
            instant(row, "try_until"),
            instant(row, "next_at")),
        new BranchRow.Counts(row.getInt("asked"), row.getInt("attempts")),
        Optional.ofNullable(row.getString("error")));
  }

  private static Optional<Instant> instant(ResultSet row, String column) throws SQLException {
    OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
    return Optional.ofNullable(time).map(OffsetDateTime::toInstant);
  }

  static OffsetDateTime time(Instant instant) {
    return instant.atOffset(ZoneOffset.UTC);
  }
}
