package dev.tenon.messaging;

import dev.tenon.runtime.IdGenerator;
import dev.tenon.transaction.spi.LocalCommit;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.concurrent.locks.ReentrantLock;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Knows whether the database is still the one that the log was written in. A cluster that was
 * restored elsewhere counts its transactions anew, so ids stored by the one before mean nothing in
 * it: then the old epoch is closed by a bridging window, and a new one begins.
 *
 * <p>Whoever writes to the log learns in the same round trip when the server process started. If
 * that is not the time known here, the history is looked at again. Thread-safe.
 */
final class LogHistory {
  /** When the server process started, in microseconds: another server has another one. */
  static final String SERVER = "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint";

  /** Sees every transaction that there can be. */
  private static final String EVERYTHING = "9223372036854775806:9223372036854775806:";

  private static final String LOOK =
      "SELECT "
          + SERVER
          + ", (SELECT system_identifier = (pg_control_system()).system_identifier"
          + " AND timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8)"
          + " FROM tenon.identity)";

  private static final String LOCK_TIMEOUT = "1s";

  private static final Logger log = LoggerFactory.getLogger(LogHistory.class);

  private final DataSource dataSource;
  private final TenonTables tables;
  private final IdGenerator ids;
  private final ReentrantLock lock = new ReentrantLock(); // of changes of what is known
  private volatile Known known = new Known(0, 0);

  /** The server seen last, and how many there were. */
  private record Known(long server, long version) {}

  LogHistory(DataSource dataSource, TenonTables tables, IdGenerator ids) {
    this.dataSource = dataSource;
    this.tables = tables;
    this.ids = ids;
  }

  /** The server whose history was looked at last; zero before the first look. */
  long server() {
    return known.server();
  }

  /** Counts the servers seen: what was read under another count may not be in this database. */
  long version() {
    return known.version();
  }

  private void known(long found) {
    lock.lock();
    try {
      known = known.server() == found ? known : new Known(found, known.version() + 1);
    } finally {
      lock.unlock();
    }
  }

  /** Begins a new epoch if the database has another history; says whether it did. */
  boolean adopt() throws SQLException {
    long found;
    boolean same;
    try (Connection connection = dataSource.getConnection();
        PreparedStatement look = tables.prepare(connection, LOOK);
        ResultSet row = look.executeQuery()) {
      row.next();
      found = row.getLong(1);
      same = row.getBoolean(2);
    }
    boolean begun = !same && LocalCommit.run(dataSource, this::bridge);
    known(found);
    if (begun) {
      log.atWarn().log("the database has another history; a new epoch of the log has begun");
    }
    return begun;
  }

  /**
   * Looks at the history on a connection that has just written to the log.
   *
   * @throws SQLException if what it wrote would not belong to any window; it must roll back
   */
  void check(Connection connection) throws SQLException {
    try (PreparedStatement look = tables.prepare(connection, LOOK);
        ResultSet row = look.executeQuery()) {
      row.next();
      if (!row.getBoolean(2)) {
        throw new SQLException(
            "Could not append to the log: the database was restored or failed over, and the new"
                + " epoch of the log has not begun yet. Try again.",
            "40001");
      }
      known(row.getLong(1));
    }
  }

  /**
   * The exclusive lock waits for every writer of the old epoch, so none is open when the window is
   * closed that sees all of it. One that stays open (prepared before a failover) makes this fail,
   * and the caller tries again.
   */
  private boolean bridge(Connection connection) throws SQLException {
    tables.execute(connection, TenonTables.FORCE_DURABLE);
    tables.execute(connection, "SET LOCAL lock_timeout = '" + LOCK_TIMEOUT + "'");
    tables.execute(connection, "LOCK TABLE tenon.outbox IN ACCESS EXCLUSIVE MODE");
    try (PreparedStatement update =
            tables.prepare(
                connection,
                "UPDATE tenon.identity SET epoch = epoch + 1,"
                    + " system_identifier = (pg_control_system()).system_identifier,"
                    + " timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8)"
                    + " WHERE system_identifier <> (pg_control_system()).system_identifier"
                    + " OR timeline <> left(pg_walfile_name(pg_current_wal_lsn()), 8)"
                    + " RETURNING epoch");
        ResultSet row = update.executeQuery()) {
      if (!row.next()) {
        return false;
      }
      closeOldEpoch(connection);
      // The value is our own integer: DDL takes no parameters.
      tables.execute(
          connection, "ALTER TABLE tenon.outbox ALTER COLUMN epoch SET DEFAULT " + row.getInt(1));
      return true;
    }
  }

  private void closeOldEpoch(Connection connection) throws SQLException {
    try (PreparedStatement insert =
        tables.prepare(
            connection,
            "WITH last AS (SELECT n, epoch, snapshot, total FROM tenon.outbox_window"
                + " ORDER BY n DESC LIMIT 1),"
                + " held AS (SELECT count(*) AS messages,"
                + " coalesce(sum(octet_length(o.payload)), 0) AS bytes"
                + " FROM last, tenon.outbox o WHERE o.epoch = last.epoch"
                + " AND NOT pg_visible_in_snapshot(o.tx, last.snapshot)),"
                + " bridge AS (INSERT INTO tenon.outbox_window"
                + " (n, id, epoch, snapshot, messages, bytes, total)"
                + " SELECT last.n + 1, ?, last.epoch, ?::pg_snapshot, held.messages, held.bytes,"
                + " last.total + held.messages FROM last, held RETURNING n, total)"
                + " INSERT INTO tenon.outbox_window"
                + " (n, id, epoch, snapshot, messages, bytes, total)"
                + " SELECT bridge.n + 1, ?, identity.epoch, '1:1:', 0, 0, bridge.total"
                + " FROM bridge, tenon.identity")) {
      insert.setObject(1, ids.next());
      insert.setString(2, EVERYTHING);
      insert.setObject(3, ids.next());
      insert.executeUpdate();
    }
  }
}
