package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.runtime.IdGenerator;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The log on PostgreSQL, cut into windows by snapshots.
 *
 * <p><b>Windows.</b> Closing window <i>n</i> stores {@code S(n) = pg_current_snapshot()}. Window
 * <i>n</i> holds the rows visible in {@code S(n)} and not in {@code S(n-1)}. Both are stored values
 * and each row stores its transaction id, so membership is arithmetic and never changes. A
 * transaction that runs for long is in progress in every snapshot until it ends, so its rows come
 * in a later window and nobody waits for them.
 *
 * <p><b>Finding the rows.</b> A row not visible in {@code S(n-1)} either began later ({@code tx ≥
 * xmax}) or is listed there as in progress. So an index range and a few probes find them, however
 * long some other transaction holds {@code xmin} down.
 *
 * <p><b>Closing.</b> The number is a primary key: of two closers one inserts, the other finds the
 * number taken and looks again. The row's own commit is durable before anyone reads by it: without
 * that, a crash of the database may hand the same transaction ids out again, and a reader that had
 * passed them would skip rows.
 *
 * <p><b>Epochs.</b> On another cluster or timeline, stored ids mean nothing. A bridging window sees
 * everything of the old epoch; the new epoch begins from a snapshot that sees nothing.
 */
final class SnapshotWindowLog implements OutboxLog {
  private static final Logger log = LoggerFactory.getLogger(SnapshotWindowLog.class);
  private static final int WINDOWS_PER_READ_MAX = 256;
  private static final int FETCH_ROWS = 100;

  /** Sees every transaction that there can be. */
  private static final String EVERYTHING = "9223372036854775806:9223372036854775806:";

  /** Raises a weaker setting for this commit; leaves a stronger one. */
  static final String FORCE_DURABLE =
      "SELECT CASE WHEN current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')"
          + " THEN set_config('synchronous_commit', 'on', true) END";

  private static final String APPEND =
      "WITH durable AS ("
          + FORCE_DURABLE
          + ") INSERT INTO tenon.outbox (id, topic, key, version, headers, payload)"
          + " SELECT m.id, m.topic, m.key, m.version, m.headers, m.payload FROM durable,"
          + " unnest(?::uuid[], ?::text[], ?::text[], ?::int[], ?::text[], ?::bytea[])"
          + " WITH ORDINALITY AS m(id, topic, key, version, headers, payload, place)"
          + " ORDER BY m.place";

  private static final String CLOSE =
      "WITH last AS (SELECT n, epoch, snapshot, total FROM tenon.outbox_window ORDER BY n DESC"
          + " LIMIT 1), fresh AS (SELECT o.payload FROM last, tenon.outbox o   WHERE o.epoch ="
          + " last.epoch AND o.tx >= pg_snapshot_xmax(last.snapshot)  UNION ALL SELECT o.payload"
          + " FROM last, tenon.outbox o   WHERE o.epoch = last.epoch   AND o.tx = ANY (ARRAY(SELECT"
          + " pg_snapshot_xip(last.snapshot)))), held AS (SELECT count(*) AS messages,"
          + " coalesce(sum(octet_length(payload)), 0) AS bytes   FROM fresh) INSERT INTO"
          + " tenon.outbox_window (n, id, epoch, snapshot, messages, bytes, total) SELECT last.n +"
          + " 1, ?, last.epoch, pg_current_snapshot(), held.messages, held.bytes,   last.total +"
          + " held.messages FROM last, held, ("
          + FORCE_DURABLE
          + ") AS durable WHERE held.messages > 0"
          + " ON CONFLICT (n) DO NOTHING RETURNING messages";

  private static final String ROW_COLUMNS =
      "seq, tx::text AS tx, id, topic, key, version, headers, created_at, payload";

  private static final String READ_WINDOWS =
      "SELECT "
          + ROW_COLUMNS
          + " FROM tenon.outbox WHERE epoch = ? AND tx >= ?::xid8 AND tx < ?::xid8"
          + " UNION ALL SELECT "
          + ROW_COLUMNS
          + " FROM tenon.outbox WHERE epoch = ? AND tx = ANY (?::xid8[])";

  private static final String READ_PART =
      "SELECT "
          + ROW_COLUMNS
          + " FROM (SELECT * FROM tenon.outbox WHERE epoch = ? AND tx >= ?::xid8 AND tx < ?::xid8"
          + " UNION ALL SELECT * FROM tenon.outbox WHERE epoch = ? AND tx = ANY (?::xid8[])) o"
          + " WHERE pg_visible_in_snapshot(tx, ?::pg_snapshot) AND seq > ?"
          + " ORDER BY seq LIMIT ?";

  private final DataSource dataSource;
  private final IdGenerator ids;

  SnapshotWindowLog(DataSource dataSource, IdGenerator ids) {
    this.dataSource = dataSource;
    this.ids = ids;
  }

  private record Window(
      long n, UUID id, int epoch, String snapshotText, long messages, long bytes, long total) {
    Snapshot snapshot() {
      return Snapshot.parse(snapshotText);
    }
  }

  @Override
  public void append(Connection connection, List<NewMessage> messages) throws SQLException {
    int count = messages.size();
    Object[] messageIds = new Object[count];
    String[] topics = new String[count];
    String[] keys = new String[count];
    Integer[] versions = new Integer[count];
    String[] headers = new String[count];
    byte[][] payloads = new byte[count][];
    for (int i = 0; i < count; i++) {
      NewMessage message = messages.get(i);
      messageIds[i] = message.id();
      topics[i] = message.topic();
      keys[i] = message.key().orElse(null);
      versions[i] = message.version();
      headers[i] = message.headers();
      payloads[i] = message.payload();
    }
    try (PreparedStatement insert = connection.prepareStatement(APPEND)) {
      insert.setArray(1, connection.createArrayOf("uuid", messageIds));
      insert.setArray(2, connection.createArrayOf("text", topics));
      insert.setArray(3, connection.createArrayOf("text", keys));
      insert.setArray(4, connection.createArrayOf("int4", versions));
      insert.setArray(5, connection.createArrayOf("text", headers));
      insert.setArray(6, connection.createArrayOf("bytea", payloads));
      insert.executeUpdate();
    }
  }

  @Override
  public long closeWindow() throws SQLException {
    // One statement that commits by itself: a closer that is paused keeps no number locked.
    try (Connection connection = dataSource.getConnection();
        PreparedStatement close = connection.prepareStatement(CLOSE)) {
      close.setObject(1, ids.next());
      try (ResultSet closed = close.executeQuery()) {
        return closed.next() ? closed.getLong(1) : 0L;
      }
    }
  }

  @Override
  public Cursor end() throws SQLException {
    return edge("SELECT n, id FROM tenon.outbox_window ORDER BY n DESC LIMIT 1");
  }

  @Override
  public Cursor beginning() throws SQLException {
    return edge("SELECT n, id FROM tenon.outbox_window ORDER BY n LIMIT 1");
  }

  private Cursor edge(String sql) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select = connection.prepareStatement(sql);
        ResultSet row = select.executeQuery()) {
      row.next();
      return Cursor.endOf(row.getLong(1), row.getObject(2, UUID.class));
    }
  }

  @Override
  public boolean knows(Cursor cursor) throws SQLException {
    boolean partial = cursor.seq() != Cursor.WINDOW_END;
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            connection.prepareStatement(
                "SELECT EXISTS (SELECT 1 FROM tenon.outbox_window WHERE n = ? AND id = ?) AND"
                    + " EXISTS (SELECT 1 FROM tenon.outbox_window WHERE n = ?)")) {
      select.setLong(1, cursor.window());
      select.setObject(2, cursor.windowId());
      select.setLong(3, partial ? cursor.window() - 1 : cursor.window());
      try (ResultSet row = select.executeQuery()) {
        row.next();
        return row.getBoolean(1);
      }
    }
  }

  @Override
  public long lagAfter(long window) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            connection.prepareStatement(
                "SELECT coalesce(sum(messages), 0) FROM tenon.outbox_window WHERE n > ?")) {
      select.setLong(1, window);
      try (ResultSet row = select.executeQuery()) {
        row.next();
        return row.getLong(1);
      }
    }
  }

  @Override
  public Chunk read(Cursor after, int messagesMax, long bytesMax) throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      boolean partial = after.seq() != Cursor.WINDOW_END;
      List<Window> windows = windowsFrom(connection, partial ? after.window() - 1 : after.window());
      if (windows.size() < 2) {
        return new Chunk(List.of(), after, 0, 0);
      }
      Window base = windows.getFirst();
      Window first = windows.get(1);
      long lastTotal = lastTotal(connection);
      if (partial || first.messages() > messagesMax || first.bytes() > bytesMax) {
        long from = partial ? after.seq() : 0;
        return readPart(connection, base, first, from, messagesMax, bytesMax, lastTotal);
      }
      int count = 1;
      long messages = first.messages();
      long bytes = first.bytes();
      while (count + 1 < windows.size()) {
        Window next = windows.get(count + 1);
        messages += next.messages();
        bytes += next.bytes();
        if (next.epoch() != first.epoch() || messages > messagesMax || bytes > bytesMax) {
          break;
        }
        count++;
      }
      return readWhole(connection, base, windows.subList(1, count + 1), lastTotal);
    }
  }

  private static List<Window> windowsFrom(Connection connection, long from) throws SQLException {
    List<Window> windows = new ArrayList<>();
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT n, id, epoch, snapshot::text, messages, bytes, total"
                + " FROM tenon.outbox_window WHERE n >= ? ORDER BY n LIMIT ?")) {
      select.setLong(1, from);
      select.setInt(2, WINDOWS_PER_READ_MAX + 1);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          windows.add(
              new Window(
                  row.getLong(1),
                  row.getObject(2, UUID.class),
                  row.getInt(3),
                  row.getString(4),
                  row.getLong(5),
                  row.getLong(6),
                  row.getLong(7)));
        }
      }
    }
    return windows;
  }

  private static long lastTotal(Connection connection) throws SQLException {
    try (PreparedStatement select =
            connection.prepareStatement(
                "SELECT total FROM tenon.outbox_window ORDER BY n DESC LIMIT 1");
        ResultSet row = select.executeQuery()) {
      row.next();
      return row.getLong(1);
    }
  }

  /** What the window before leaves out: nothing of another epoch. */
  private static Snapshot before(Window base, Window first) {
    return base.epoch() == first.epoch() ? base.snapshot() : Snapshot.NOTHING;
  }

  private static Chunk readWhole(
      Connection connection, Window base, List<Window> windows, long lastTotal)
      throws SQLException {
    Snapshot lower = before(base, windows.getFirst());
    List<Snapshot> snapshots = windows.stream().map(Window::snapshot).toList();
    List<Row> rows = new ArrayList<>();
    long scanned = 0;
    try (PreparedStatement select = connection.prepareStatement(READ_WINDOWS)) {
      bindRange(select, windows.getFirst().epoch(), lower, snapshots.getLast());
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          scanned++;
          long tx = Long.parseUnsignedLong(row.getString("tx"));
          int index = firstThatSees(snapshots, tx);
          if (index < snapshots.size() && !lower.sees(tx)) {
            Window window = windows.get(index);
            rows.add(new Row(window.n(), window.id(), row.getLong("seq"), Sql.message(row)));
          }
        }
      }
    }
    rows.sort(Comparator.comparingLong(Row::window).thenComparingLong(Row::seq));
    Window last = windows.getLast();
    return new Chunk(rows, Cursor.endOf(last.n(), last.id()), lastTotal - last.total(), scanned);
  }

  private static int firstThatSees(List<Snapshot> snapshots, long tx) {
    int index = 0;
    while (index < snapshots.size() && !snapshots.get(index).sees(tx)) {
      index++;
    }
    return index;
  }

  private static Chunk readPart(
      Connection connection,
      Window base,
      Window window,
      long afterSeq,
      int messagesMax,
      long bytesMax,
      long lastTotal)
      throws SQLException {
    List<Row> rows = new ArrayList<>();
    long bytes = 0;
    boolean more = false;
    boolean autoCommit = connection.getAutoCommit();
    connection.setAutoCommit(false);
    try (PreparedStatement select = connection.prepareStatement(READ_PART)) {
      select.setFetchSize(FETCH_ROWS);
      bindRange(select, window.epoch(), before(base, window), window.snapshot());
      select.setString(6, window.snapshotText());
      select.setLong(7, afterSeq);
      select.setInt(8, messagesMax + 1);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          Message message = Sql.message(row);
          bytes += message.payload().length;
          if (rows.size() == messagesMax || (bytes > bytesMax && !rows.isEmpty())) {
            more = true;
            break;
          }
          rows.add(new Row(window.n(), window.id(), row.getLong("seq"), message));
        }
      }
    } finally {
      connection.rollback();
      connection.setAutoCommit(autoCommit);
    }
    Cursor windowEnd = Cursor.endOf(window.n(), window.id());
    Cursor end = more ? cursorAt(rows.getLast()) : windowEnd;
    return new Chunk(rows, end, lastTotal - window.total(), rows.size());
  }

  static Cursor cursorAt(Row row) {
    return new Cursor(row.window(), row.windowId(), row.seq(), Optional.empty());
  }

  private static void bindRange(PreparedStatement select, int epoch, Snapshot lower, Snapshot upper)
      throws SQLException {
    select.setInt(1, epoch);
    select.setString(2, Long.toString(lower.xmax()));
    select.setString(3, Long.toString(upper.xmax()));
    select.setInt(4, epoch);
    select.setString(5, lower.inProgressLiteral());
  }

  @Override
  public boolean adoptHistory() throws SQLException {
    if (sameHistory()) {
      return false;
    }
    boolean begun = Sql.transaction(dataSource, this::bridge);
    if (begun) {
      log.atWarn().log("the database has another history; a new epoch of the log has begun");
    }
    return begun;
  }

  private boolean sameHistory() throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            connection.prepareStatement(
                "SELECT system_identifier = (pg_control_system()).system_identifier"
                    + " AND timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8)"
                    + " FROM tenon.identity");
        ResultSet row = select.executeQuery()) {
      return row.next() && row.getBoolean(1);
    }
  }

  /**
   * The exclusive lock waits for every writer of the old epoch, so none is open when the window is
   * closed that sees all of it.
   */
  private boolean bridge(Connection connection) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute(FORCE_DURABLE);
      statement.execute("LOCK TABLE tenon.outbox IN ACCESS EXCLUSIVE MODE");
      int updated =
          statement.executeUpdate(
              "UPDATE tenon.identity SET epoch = epoch + 1,"
                  + " system_identifier = (pg_control_system()).system_identifier,"
                  + " timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8)"
                  + " WHERE system_identifier <> (pg_control_system()).system_identifier"
                  + " OR timeline <> left(pg_walfile_name(pg_current_wal_lsn()), 8)");
      if (updated == 0) {
        return false;
      }
      closeOldEpoch(connection);
      int epoch;
      try (ResultSet row = statement.executeQuery("SELECT epoch FROM tenon.identity")) {
        row.next();
        epoch = row.getInt(1);
      }
      // The value is our own integer: DDL takes no parameters.
      statement.execute("ALTER TABLE tenon.outbox ALTER COLUMN epoch SET DEFAULT " + epoch);
      return true;
    }
  }

  private void closeOldEpoch(Connection connection) throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
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
