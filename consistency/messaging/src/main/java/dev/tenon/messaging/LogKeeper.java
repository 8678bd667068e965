package dev.tenon.messaging;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the log's partitions: makes new ones ahead of the sequence, and drops those that everybody
 * has read, that are older than the retention, and that no writer has open.
 *
 * <p>Before a partition is dropped it is locked exclusively without waiting, which fails while any
 * transaction has written to it; then every row in it is checked against the snapshot of the last
 * window that all have read. A row that comes for a dropped range goes to the rest partition, so a
 * late writer loses nothing.
 */
final class LogKeeper {
  private static final Logger log = LoggerFactory.getLogger(LogKeeper.class);
  private static final int PARTITIONS_AHEAD = 3;
  private static final int DELETE_ROWS_MAX = 10_000;
  private static final int WINDOWS_KEPT_BELOW = 1_000;
  private static final String LOCK_TIMEOUT = "200ms";
  private static final Duration INBOX_KEPT = Duration.ofDays(30);

  private final DataSource dataSource;
  private final MessagingConfig config;
  private final MessagingMetrics metrics;

  LogKeeper(DataSource dataSource, MessagingConfig config, MessagingMetrics metrics) {
    this.dataSource = dataSource;
    this.config = config;
    this.metrics = metrics;
  }

  private record Partition(String name, long from, long to) {}

  /** One round of upkeep; another instance's round in progress makes this one do nothing. */
  void keep(Instant now) throws SQLException {
    makePartitions();
    long floor = floor(now);
    for (Partition partition : partitions()) {
      drop(partition, floor);
    }
    trim(floor);
    forgetInbox(now);
  }

  private static boolean lockUpkeep(Connection connection) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute("SET LOCAL lock_timeout = '" + LOCK_TIMEOUT + "'");
      try (ResultSet row =
          statement.executeQuery("SELECT pg_try_advisory_xact_lock(hashtext('tenon.upkeep'))")) {
        row.next();
        return row.getBoolean(1);
      }
    }
  }

  private List<Partition> partitions() throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      return partitions(connection);
    }
  }

  /** The partitions are named by their bounds. */
  private static List<Partition> partitions(Connection connection) throws SQLException {
    List<Partition> found = new ArrayList<>();
    try (PreparedStatement select =
            connection.prepareStatement(
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

  private void makePartitions() throws SQLException {
    attempt(
        "make a partition of the log",
        connection -> {
          List<Partition> existing = partitions(connection);
          long last = lastSeq(connection);
          long edge = existing.isEmpty() ? 0 : existing.getLast().to();
          // Rows may come while we work: leave a gap, which the rest partition covers.
          long from =
              Math.max(edge, edge > last + 1 ? edge : last + 1 + config.partitionRows() / 10);
          while (from < last + (long) PARTITIONS_AHEAD * config.partitionRows()) {
            make(connection, from, from + config.partitionRows());
            from += config.partitionRows();
          }
          return true;
        });
  }

  private static long lastSeq(Connection connection) throws SQLException {
    try (PreparedStatement select =
            connection.prepareStatement("SELECT last_value FROM tenon.outbox_seq");
        ResultSet row = select.executeQuery()) {
      row.next();
      return row.getLong(1);
    }
  }

  /** The names and bounds are our own numbers: DDL takes no parameters. */
  private static void make(Connection connection, long from, long to) throws SQLException {
    String name = "tenon.outbox_" + from + "_" + to;
    try (var statement = connection.createStatement()) {
      statement.execute(
          "CREATE TABLE " + name + " (LIKE tenon.outbox INCLUDING DEFAULTS INCLUDING STORAGE)");
      statement.execute(
          "ALTER TABLE tenon.outbox ATTACH PARTITION "
              + name
              + " FOR VALUES FROM ("
              + from
              + ") TO ("
              + to
              + ")");
    }
  }

  /**
   * The last window that everybody has read and that is older than the retention. Subscribers that
   * report nothing for too long do not count.
   */
  private long floor(Instant now) throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      long old = lastClosedBefore(connection, now.minus(config.retention()));
      try (PreparedStatement select =
          connection.prepareStatement(
              "SELECT least(?, min(CASE WHEN seq = 9223372036854775807 THEN window_n"
                  + " ELSE window_n - 1 END)) FROM tenon.subscriber WHERE reported_at > ?")) {
        select.setLong(1, old);
        select.setObject(2, Sql.time(now.minus(config.subscriberHoldMax())));
        try (ResultSet row = select.executeQuery()) {
          row.next();
          return row.getLong(1);
        }
      }
    }
  }

  /** Halves the range of numbers, which have no gaps and are in the order of time. */
  private static long lastClosedBefore(Connection connection, Instant time) throws SQLException {
    long low;
    long high;
    try (PreparedStatement select =
            connection.prepareStatement("SELECT min(n), max(n) FROM tenon.outbox_window");
        ResultSet row = select.executeQuery()) {
      row.next();
      low = row.getLong(1);
      high = row.getLong(2);
    }
    try (PreparedStatement select =
        connection.prepareStatement("SELECT closed_at < ? FROM tenon.outbox_window WHERE n = ?")) {
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

  private void drop(Partition partition, long floor) throws SQLException {
    attempt(
        "drop a partition of the log",
        connection -> {
          String name = "tenon." + partition.name();
          try (var statement = connection.createStatement()) {
            // Past the sequence there is nothing to drop, and it will be needed.
            if (partition.to() > lastSeq(connection)) {
              return false;
            }
            statement.execute("LOCK TABLE ONLY " + name + " IN ACCESS EXCLUSIVE MODE NOWAIT");
            if (!allRead(connection, name, floor)) {
              return false;
            }
            statement.execute("DROP TABLE " + name);
          }
          log.atInfo().addKeyValue("partition", partition.name()).log("log partition dropped");
          return true;
        });
  }

  /** Whether no row is outside of what the floor's window and those before it hold. */
  private static boolean allRead(Connection connection, String table, long floor)
      throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT NOT EXISTS (SELECT 1 FROM "
                + table
                + " o, (SELECT epoch, snapshot FROM tenon.outbox_window WHERE n = ?) w"
                + " WHERE o.epoch > w.epoch"
                + " OR (o.epoch = w.epoch AND NOT pg_visible_in_snapshot(o.tx, w.snapshot)))"
                + " AND EXISTS (SELECT 1 FROM tenon.outbox_window WHERE n = ?)")) {
      select.setLong(1, floor);
      select.setLong(2, floor);
      try (ResultSet row = select.executeQuery()) {
        row.next();
        return row.getBoolean(1);
      }
    }
  }

  /** Deletes what is read from the rest partition, and windows that nobody can ask for. */
  private void trim(long floor) throws SQLException {
    attempt(
        "trim the log",
        connection -> {
          try (PreparedStatement rows =
                  connection.prepareStatement(
                      "DELETE FROM tenon.outbox_rest WHERE ctid = ANY (ARRAY(SELECT o.ctid"
                          + " FROM tenon.outbox_rest o, tenon.outbox_window w WHERE w.n = ?"
                          + " AND (o.epoch < w.epoch OR (o.epoch = w.epoch"
                          + " AND pg_visible_in_snapshot(o.tx, w.snapshot))) LIMIT ?))");
              PreparedStatement windows =
                  connection.prepareStatement("DELETE FROM tenon.outbox_window WHERE n < ?")) {
            rows.setLong(1, floor);
            rows.setInt(2, DELETE_ROWS_MAX);
            rows.executeUpdate();
            windows.setLong(1, floor - WINDOWS_KEPT_BELOW);
            windows.executeUpdate();
          }
          reportUnread(connection, floor);
          return true;
        });
  }

  /** Subscribers that no longer hold the log and have not read all that may now be dropped. */
  private void reportUnread(Connection connection, long floor) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT subscriber, subscription, min(window_n) FROM tenon.subscriber"
                + " GROUP BY 1, 2 HAVING min(window_n) < ?")) {
      select.setLong(1, floor);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          metrics.droppedUnread(1);
          log.atWarn()
              .addKeyValue("subscriber", row.getString(1))
              .addKeyValue("subscription", row.getString(2))
              .addKeyValue("window", row.getLong(3))
              .log(
                  "a silent subscriber holds the log no longer; what it has not read may be gone."
                      + " Forget it, or let it come back and start over");
        }
      }
    }
  }

  private void forgetInbox(Instant now) throws SQLException {
    attempt(
        "trim the inbox",
        connection -> {
          try (PreparedStatement delete =
              connection.prepareStatement(
                  "DELETE FROM tenon.inbox WHERE ctid = ANY (ARRAY(SELECT ctid FROM tenon.inbox"
                      + " WHERE received_at < ? LIMIT ?))")) {
            delete.setObject(1, Sql.time(now.minus(INBOX_KEPT)));
            delete.setInt(2, DELETE_ROWS_MAX);
            return delete.executeUpdate() > 0;
          }
        });
  }

  /** Tries something that gives way to writers: a lock that is taken means another time. */
  private void attempt(String what, Sql.Work<Boolean> work) throws SQLException {
    try {
      Sql.transaction(dataSource, connection -> lockUpkeep(connection) && work.apply(connection));
    } catch (SQLException e) {
      boolean busy = "55P03".equals(e.getSQLState()) || "40P01".equals(e.getSQLState());
      boolean overtaken = "23514".equals(e.getSQLState());
      if (!busy && !overtaken) {
        throw e;
      }
      log.atDebug().addKeyValue("what", what).log("given way to writers; tried again later");
    }
  }
}
