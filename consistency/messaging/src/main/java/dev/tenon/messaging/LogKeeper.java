package dev.tenon.messaging;

import dev.tenon.transaction.spi.LocalCommit;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the log's partitions: makes new ones ahead of the sequence, and drops those that everybody
 * has read, that are older than the retention, and that no writer has open.
 *
 * <p>A partition is emptied first, and dropped after. To empty it, it alone is locked, which fails
 * while a transaction has written to it; each row in it is checked against the snapshot of the last
 * window that all have read. To drop it, the whole log is locked, for a moment, and any open writer
 * or reader makes that wait for another round. The log's floor is raised with the rows' removal, so
 * that a reader from below it is told. A row that comes for a dropped range goes to the rest
 * partition, so a late writer loses nothing.
 */
final class LogKeeper {
  private static final Logger log = LoggerFactory.getLogger(LogKeeper.class);
  private static final int PARTITIONS_AHEAD = 3;
  private static final int GROW_EVERY = 64;
  private static final int GROWTH_MAX = 3;
  private static final int FAR_ROWS = 50_000;
  private static final int DELETE_ROWS_MAX = 10_000;
  private static final int DELETES_MAX = 20;
  private static final String LOCK_TIMEOUT = "200ms";
  private static final Duration INBOX_KEPT = Duration.ofDays(30);

  private final DataSource dataSource;
  private final TenonTables tables;
  private final MessagingConfig config;
  private final MessagingMetrics metrics;
  private final ReplyStore replies;
  private final Set<String> silent = new HashSet<>();

  LogKeeper(
      DataSource dataSource, TenonTables tables, MessagingConfig config, MessagingMetrics metrics) {
    this.dataSource = dataSource;
    this.tables = tables;
    this.config = config;
    this.metrics = metrics;
    this.replies = new ReplyStore(tables);
  }

  private record Partition(String name, long from, long to) {}

  /** The end of what everybody has read: its window's number, epoch and snapshot. */
  private record Floor(long n, int epoch, Snapshot snapshot) {}

  private enum Result {
    DONE,
    NOTHING_TO_DO,
    BUSY
  }

  /** One round of upkeep; another instance's round in progress makes this one do nothing. */
  void keep(Instant now) throws SQLException {
    attempt("make a partition of the log", this::makePartitions);
    Optional<Floor> floor = floor(now);
    if (floor.isPresent()) {
      dropRead(floor.get());
      repeat("trim the rest of the log", connection -> trimRest(connection, floor.get()));
      repeat("trim the windows", this::trimWindows);
      reportSilent(floor.get());
    }
    repeat("trim the inbox", connection -> forgetInbox(connection, now));
    Instant repliesEnd = now.minus(config.replyRetention());
    repeat(
        "trim the replies",
        connection -> replies.forget(connection, repliesEnd, DELETE_ROWS_MAX) == DELETE_ROWS_MAX);
  }

  private boolean lockUpkeep(Connection connection) throws SQLException {
    tables.execute(connection, "SET LOCAL lock_timeout = '" + LOCK_TIMEOUT + "'");
    try (PreparedStatement lock =
            tables.prepare(
                connection, "SELECT pg_try_advisory_xact_lock(hashtext('tenon.upkeep'))");
        ResultSet row = lock.executeQuery()) {
      row.next();
      return row.getBoolean(1);
    }
  }

  /** The partitions are named by their bounds. */
  private List<Partition> partitions(Connection connection) throws SQLException {
    List<Partition> found = new ArrayList<>();
    try (PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT c.relname, split_part(c.relname, '_', 2)::bigint,"
                    + " split_part(c.relname, '_', 3)::bigint FROM pg_inherits i"
                    + " JOIN pg_class c ON c.oid = i.inhrelid"
                    + " WHERE i.inhparent = 'tenon.outbox'::regclass"
                    + " AND c.relname ~ '^outbox_[0-9]+_[0-9]+$' ORDER BY 2");
        ResultSet row = select.executeQuery()) {
      while (row.next()) {
        found.add(new Partition(row.getString(1), row.getLong(2), row.getLong(3)));
      }
    }
    return found;
  }

  /**
   * A row that finds its partition made while it is written fails. So writers are kept out for a
   * moment, unless the new range is too far ahead for any row to come near it meanwhile.
   */
  private boolean makePartitions(Connection connection) throws SQLException {
    List<Partition> existing = partitions(connection);
    long edge = existing.isEmpty() ? 0 : existing.getLast().to();
    long last = lastSeq(connection);
    // Rows may come while we work: leave a gap, which the rest partition covers.
    long from = edge > last + 1 ? edge : last + 1 + config.partitionRows() / 10;
    if (from >= last + (long) PARTITIONS_AHEAD * config.partitionRows()) {
      return false;
    }
    if (from - last < FAR_ROWS) {
      tables.execute(connection, "LOCK TABLE ONLY tenon.outbox IN SHARE MODE");
      last = lastSeq(connection);
      from = Math.max(edge, last + 1);
    }
    // Many partitions slow every statement down: the more there are, the larger new ones become.
    long rows = (long) config.partitionRows() << Math.min(GROWTH_MAX, existing.size() / GROW_EVERY);
    while (from < last + (long) PARTITIONS_AHEAD * config.partitionRows()) {
      make(connection, from, from + rows);
      from += rows;
    }
    return true;
  }

  private long lastSeq(Connection connection) throws SQLException {
    try (PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tenon.outbox_seq");
        ResultSet row = select.executeQuery()) {
      row.next();
      return row.getLong(1);
    }
  }

  /** The names and bounds are our own numbers: DDL takes no parameters. */
  private void make(Connection connection, long from, long to) throws SQLException {
    String name = "tenon.outbox_" + from + "_" + to;
    tables.execute(
        connection,
        "CREATE TABLE " + name + " (LIKE tenon.outbox INCLUDING DEFAULTS INCLUDING STORAGE)");
    tables.execute(
        connection,
        "ALTER TABLE tenon.outbox ATTACH PARTITION "
            + name
            + " FOR VALUES FROM ("
            + from
            + ") TO ("
            + to
            + ")");
  }

  /**
   * The last window that everybody has read and that is older than the retention. Subscribers that
   * report nothing for too long do not count, and those that lag for too long hold no more. Windows
   * are closed in the order of their numbers.
   */
  private Optional<Floor> floor(Instant now) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT n, epoch, snapshot::text FROM tenon.outbox_window WHERE n ="
                    + " (SELECT least(?, greatest(min(CASE WHEN seq = 9223372036854775807"
                    + " THEN window_n ELSE window_n - 1 END),"
                    + " CASE WHEN count(*) > 0 THEN ?::bigint END))"
                    + " FROM tenon.subscriber WHERE reported_at > ?)")) {
      Instant holdEnd = now.minus(config.subscriberHoldMax());
      select.setLong(1, lastClosedBefore(connection, now.minus(config.retention())));
      select.setLong(2, lastClosedBefore(connection, holdEnd));
      select.setObject(3, Sql.time(holdEnd));
      try (ResultSet row = select.executeQuery()) {
        return row.next()
            ? Optional.of(
                new Floor(row.getLong(1), row.getInt(2), Snapshot.parse(row.getString(3))))
            : Optional.empty();
      }
    }
  }

  /** Halves the range of numbers, which have no gaps and are in the order of time. */
  private long lastClosedBefore(Connection connection, Instant time) throws SQLException {
    long low;
    long high;
    try (PreparedStatement select =
            tables.prepare(connection, "SELECT min(n), max(n) FROM tenon.outbox_window");
        ResultSet row = select.executeQuery()) {
      row.next();
      low = row.getLong(1);
      high = row.getLong(2);
    }
    try (PreparedStatement select =
        tables.prepare(connection, "SELECT closed_at < ? FROM tenon.outbox_window WHERE n = ?")) {
      while (low < high) {
        long middle = low + (high - low + 1) / 2;
        select.setObject(1, Sql.time(time));
        select.setLong(2, middle);
        try (ResultSet row = select.executeQuery()) {
          boolean before = row.next() && row.getBoolean(1);
          low = before ? middle : low;
          high = before ? high : middle - 1;
        }
      }
    }
    return low;
  }

  private void dropRead(Floor floor) throws SQLException {
    for (Partition partition : droppable(floor)) {
      String table = "tenon." + partition.name();
      Result emptied = attempt("empty a partition", c -> empty(c, table, floor));
      if (emptied == Result.DONE) {
        Result dropped = attempt("drop a partition", c -> dropEmpty(c, table));
        if (dropped == Result.BUSY) {
          return; // Each try makes writers wait a moment: one such moment a round.
        }
      }
    }
  }

  /** Those that the sequence has passed, and that seem read; looked at without any lock. */
  private List<Partition> droppable(Floor floor) throws SQLException {
    List<Partition> found = new ArrayList<>();
    try (Connection connection = dataSource.getConnection()) {
      long last = lastSeq(connection);
      for (Partition partition : partitions(connection)) {
        if (partition.to() <= last + 1 && allRead(connection, "tenon." + partition.name(), floor)) {
          found.add(partition);
        }
      }
    }
    return found;
  }

  private boolean empty(Connection connection, String table, Floor floor) throws SQLException {
    tables.execute(connection, "LOCK TABLE ONLY " + table + " IN ACCESS EXCLUSIVE MODE");
    if (!allRead(connection, table, floor)) {
      return false;
    }
    raiseFloor(connection, floor);
    tables.execute(connection, "TRUNCATE TABLE ONLY " + table);
    return true;
  }

  /** A late row may have come since it was emptied. */
  private boolean dropEmpty(Connection connection, String table) throws SQLException {
    tables.execute(connection, "LOCK TABLE ONLY tenon.outbox IN ACCESS EXCLUSIVE MODE");
    try (PreparedStatement look =
            tables.prepare(connection, "SELECT EXISTS (SELECT 1 FROM " + table + ")");
        ResultSet row = look.executeQuery()) {
      row.next();
      if (row.getBoolean(1)) {
        return false;
      }
    }
    tables.execute(connection, "DROP TABLE " + table);
    log.atInfo().addKeyValue("partition", tables.sql(table)).log("log partition dropped");
    return true;
  }

  /**
   * Whether no row is outside of what the floor's window and those before it hold. Asked by the
   * index; while the floor is of an older epoch, nothing is taken for read.
   */
  private boolean allRead(Connection connection, String table, Floor floor) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT (SELECT epoch FROM tenon.identity) = ?"
                + " AND NOT EXISTS (SELECT 1 FROM "
                + table
                + " WHERE tx >= ?::xid8 AND epoch = ?) AND NOT EXISTS (SELECT 1 FROM "
                + table
                + " WHERE tx = ANY (?::xid8[]) AND epoch = ?)")) {
      select.setInt(1, floor.epoch());
      select.setString(2, Long.toString(floor.snapshot().xmax()));
      select.setInt(3, floor.epoch());
      select.setString(4, floor.snapshot().inProgressLiteral());
      select.setInt(5, floor.epoch());
      try (ResultSet row = select.executeQuery()) {
        row.next();
        return row.getBoolean(1);
      }
    }
  }

  private void raiseFloor(Connection connection, Floor floor) throws SQLException {
    try (PreparedStatement update =
        tables.prepare(connection, "UPDATE tenon.identity SET log_floor = ? WHERE log_floor < ?")) {
      update.setLong(1, floor.n());
      update.setLong(2, floor.n());
      update.executeUpdate();
    }
  }

  /** Deletes what is read from the rest partition; says whether there may be more. */
  private boolean trimRest(Connection connection, Floor floor) throws SQLException {
    try (PreparedStatement rows =
        tables.prepare(
            connection,
            "DELETE FROM tenon.outbox_rest WHERE ctid = ANY (ARRAY(SELECT o.ctid"
                + " FROM tenon.outbox_rest o, tenon.outbox_window w WHERE w.n = ?"
                + " AND (o.epoch < w.epoch OR (o.epoch = w.epoch"
                + " AND pg_visible_in_snapshot(o.tx, w.snapshot))) LIMIT ?))")) {
      rows.setLong(1, floor.n());
      rows.setInt(2, DELETE_ROWS_MAX);
      int deleted = rows.executeUpdate();
      if (deleted > 0) {
        raiseFloor(connection, floor);
      }
      return deleted == DELETE_ROWS_MAX;
    }
  }

  /** Deletes windows that nobody can ask for; says whether there may be more. */
  private boolean trimWindows(Connection connection) throws SQLException {
    try (PreparedStatement windows =
        tables.prepare(
            connection,
            "DELETE FROM tenon.outbox_window WHERE n < least("
                + "(SELECT log_floor FROM tenon.identity),"
                + " (SELECT min(n) FROM tenon.outbox_window) + ?)")) {
      windows.setInt(1, DELETE_ROWS_MAX);
      return windows.executeUpdate() == DELETE_ROWS_MAX;
    }
  }

  /** Tells once of each subscriber for which the log is held no longer. */
  private void reportSilent(Floor floor) throws SQLException {
    Set<String> found = new HashSet<>();
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT subscriber, subscription, min(window_n) FROM tenon.subscriber"
                    + " GROUP BY 1, 2 HAVING min(window_n) < ?")) {
      select.setLong(1, floor.n());
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          String name = row.getString(1) + "/" + row.getString(2);
          found.add(name);
          if (!silent.contains(name)) {
            metrics.holdFreed();
            log.atWarn()
                .addKeyValue("subscriber", row.getString(1))
                .addKeyValue("subscription", row.getString(2))
                .addKeyValue("window", row.getLong(3))
                .log(
                    "the log is no longer held for a silent subscriber; what it has not read may"
                        + " be dropped. Forget it, or let it come back");
          }
        }
      }
    }
    silent.clear();
    silent.addAll(found);
  }

  private boolean forgetInbox(Connection connection, Instant now) throws SQLException {
    try (PreparedStatement delete =
        tables.prepare(
            connection,
            "DELETE FROM tenon.inbox WHERE ctid = ANY (ARRAY(SELECT ctid FROM tenon.inbox"
                + " WHERE received_at < ? LIMIT ?))")) {
      delete.setObject(1, Sql.time(now.minus(INBOX_KEPT)));
      delete.setInt(2, DELETE_ROWS_MAX);
      return delete.executeUpdate() == DELETE_ROWS_MAX;
    }
  }

  private void repeat(String what, LocalCommit.Work<Boolean> work) throws SQLException {
    int times = 0;
    while (attempt(what, work) == Result.DONE && times < DELETES_MAX) {
      times++;
    }
  }

  /** Tries something that gives way to writers: a lock that is taken means another time. */
  private Result attempt(String what, LocalCommit.Work<Boolean> work) throws SQLException {
    try {
      boolean done =
          LocalCommit.run(
              dataSource, connection -> lockUpkeep(connection) && work.apply(connection));
      return done ? Result.DONE : Result.NOTHING_TO_DO;
    } catch (SQLException e) {
      boolean busy = "55P03".equals(e.getSQLState()) || "40P01".equals(e.getSQLState());
      boolean overtaken = "23514".equals(e.getSQLState());
      if (!busy && !overtaken) {
        throw e;
      }
      log.atDebug().addKeyValue("what", what).log("given way to writers; tried again later");
      return Result.BUSY;
    }
  }
}
