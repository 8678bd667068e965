package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.transaction.spi.TenonTables;
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
  private static final int CLOSE_ATTEMPTS_MAX = 10;
  private static final int WINDOWS_PER_READ_MAX = 256;
  private static final int FETCH_ROWS = 100;

  private static final String APPEND =
      "WITH durable AS ("
          + TenonTables.FORCE_DURABLE
          + "), appended AS (INSERT INTO tenon.outbox (id, topic, key, version, headers, payload)"
          + " SELECT m.id, m.topic, m.key, m.version, m.headers, m.payload FROM durable,"
          + " unnest(?::uuid[], ?::text[], ?::text[], ?::int[], ?::text[], ?::bytea[])"
          + " WITH ORDINALITY AS m(id, topic, key, version, headers, payload, place)"
          + " ORDER BY m.place) SELECT "
          + LogHistory.SERVER;

  private static final String APPEND_ONE =
      "INSERT INTO tenon.outbox (id, topic, key, version, headers, payload)"
          + " SELECT ?::uuid, ?, ?, ?::int, ?, ?::bytea FROM ("
          + TenonTables.FORCE_DURABLE
          + ") AS durable RETURNING "
          + LogHistory.SERVER;

  /**
   * Closes a window on the server known; tells the messages found and closed, and the server. The
   * bounds are single values, not joined, for only then does the index find the rows.
   */
  private static final String CLOSE =
      "WITH last AS (SELECT n, epoch, snapshot, total FROM tenon.outbox_window ORDER BY n DESC"
          + " LIMIT 1), fresh AS (SELECT payload FROM tenon.outbox"
          + " WHERE epoch = (SELECT epoch FROM last)"
          + " AND tx >= (SELECT pg_snapshot_xmax(snapshot) FROM last)"
          + " AND tx < (SELECT pg_snapshot_xmax(pg_current_snapshot()))"
          + " UNION ALL SELECT payload FROM tenon.outbox WHERE epoch = (SELECT epoch FROM last)"
          + " AND tx = ANY (ARRAY(SELECT pg_snapshot_xip(snapshot) FROM last))),"
          + " held AS (SELECT count(*) AS messages,"
          + " coalesce(sum(octet_length(payload)), 0) AS bytes FROM fresh),"
          + " durable AS ("
          + TenonTables.FORCE_DURABLE
          + "), closed AS (INSERT INTO tenon.outbox_window"
          + " (n, id, epoch, snapshot, messages, bytes, total)"
          + " SELECT last.n + 1, ?, last.epoch, pg_current_snapshot(), held.messages, held.bytes,"
          + " last.total + held.messages FROM last, held, durable WHERE held.messages > 0 AND "
          + LogHistory.SERVER
          + " = ? ON CONFLICT (n) DO NOTHING RETURNING 1)"
          + " SELECT held.messages, EXISTS (SELECT 1 FROM closed), "
          + LogHistory.SERVER
          + " FROM held";

  private static final String ROW_COLUMNS =
      "seq, tx::text AS tx, id, topic, key, version, headers, created_at, payload";

  private static final String READ_WINDOWS =
      "SELECT "
          + ROW_COLUMNS
          + " FROM tenon.outbox WHERE epoch = ? AND tx >= ?::xid8 AND tx < ?::xid8"
          + " AND pg_visible_in_snapshot(tx, ?::pg_snapshot) UNION ALL SELECT "
          + ROW_COLUMNS
          + " FROM tenon.outbox WHERE epoch = ? AND tx = ANY (?::xid8[])"
          + " AND pg_visible_in_snapshot(tx, ?::pg_snapshot)";

  private static final String READ_PART =
      "SELECT "
          + ROW_COLUMNS
          + " FROM (SELECT * FROM tenon.outbox WHERE epoch = ? AND tx >= ?::xid8 AND tx < ?::xid8"
          + " AND pg_visible_in_snapshot(tx, ?::pg_snapshot)"
          + " UNION ALL SELECT * FROM tenon.outbox WHERE epoch = ? AND tx = ANY (?::xid8[])"
          + " AND pg_visible_in_snapshot(tx, ?::pg_snapshot)) o"
          + " WHERE seq > ? ORDER BY seq LIMIT ?";

  private final DataSource dataSource;
  private final TenonTables tables;
  private final IdGenerator ids;
  private final LogHistory history;

  SnapshotWindowLog(DataSource dataSource, TenonTables tables, IdGenerator ids) {
    this.dataSource = dataSource;
    this.tables = tables;
    this.ids = ids;
    this.history = new LogHistory(dataSource, tables, ids);
  }

  private record Window(
      long n, UUID id, int epoch, String snapshotText, long messages, long bytes, long total) {
    Snapshot snapshot() {
      return Snapshot.parse(snapshotText);
    }
  }

  @Override
  public void append(Connection connection, List<NewMessage> messages) throws SQLException {
    long server =
        messages.size() == 1
            ? appendOne(connection, messages.getFirst())
            : appendAll(connection, messages);
    if (server != history.server()) {
      history.check(connection);
    }
  }

  private long appendOne(Connection connection, NewMessage message) throws SQLException {
    try (PreparedStatement insert = tables.prepare(connection, APPEND_ONE)) {
      insert.setObject(1, message.id());
      insert.setString(2, message.topic());
      insert.setString(3, message.key().orElse(null));
      insert.setInt(4, message.version());
      insert.setString(5, message.headers());
      insert.setBytes(6, message.payload());
      return server(insert);
    }
  }

  private static long server(PreparedStatement insert) throws SQLException {
    try (ResultSet row = insert.executeQuery()) {
      row.next();
      return row.getLong(1);
    }
  }

  private long appendAll(Connection connection, List<NewMessage> messages) throws SQLException {
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
    try (PreparedStatement insert = tables.prepare(connection, APPEND)) {
      insert.setArray(1, connection.createArrayOf("uuid", messageIds));
      insert.setArray(2, connection.createArrayOf("text", topics));
      insert.setArray(3, connection.createArrayOf("text", keys));
      insert.setArray(4, connection.createArrayOf("int4", versions));
      insert.setArray(5, connection.createArrayOf("text", headers));
      insert.setArray(6, connection.createArrayOf("bytea", payloads));
      return server(insert);
    }
  }

  @Override
  public long closeWindow() throws SQLException {
    for (int attempt = 0; attempt < CLOSE_ATTEMPTS_MAX; attempt++) {
      if (history.server() == 0) {
        history.adopt();
      }
      Closing closing = close();
      if (closing.server() != history.server()) {
        history.adopt();
      } else if (closing.closed() || closing.messages() == 0) {
        return closing.messages();
      }
    }
    return 0;
  }

  /** What came of an attempt: not closed although there were messages means overtaken. */
  private record Closing(long messages, boolean closed, long server) {}

  /** One statement that commits by itself: a closer that is paused keeps no number locked. */
  private Closing close() throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement close = tables.prepare(connection, CLOSE)) {
      close.setObject(1, ids.next());
      close.setLong(2, history.server());
      try (ResultSet row = close.executeQuery()) {
        row.next();
        return new Closing(row.getLong(1), row.getBoolean(2), row.getLong(3));
      }
    }
  }

  @Override
  public Cursor end() throws SQLException {
    return edge("SELECT n, id FROM tenon.outbox_window ORDER BY n DESC LIMIT 1");
  }

  @Override
  public Cursor beginning() throws SQLException {
    return edge(
        "SELECT n, id FROM tenon.outbox_window"
            + " WHERE n >= (SELECT log_floor FROM tenon.identity) ORDER BY n LIMIT 1");
  }

  private Cursor edge(String sql) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select = tables.prepare(connection, sql);
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
            tables.prepare(
                connection,
                "SELECT EXISTS (SELECT 1 FROM tenon.outbox_window WHERE n = ? AND id = ?) AND"
                    + " EXISTS (SELECT 1 FROM tenon.outbox_window WHERE n = ?"
                    + " AND n >= (SELECT log_floor FROM tenon.identity))")) {
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
  public Chunk read(Cursor after, int messagesMax, long bytesMax) throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      boolean partial = after.seq() != Cursor.WINDOW_END;
      long from = partial ? after.window() - 1 : after.window();
      List<Window> windows = windowsFrom(connection, from);
      requireKnown(windows, from, after);
      if (windows.size() < 2) {
        return new Chunk(List.of(), after, 0, 0);
      }
      Window base = windows.getFirst();
      Window first = windows.get(1);
      long lastTotal =
          windows.size() > WINDOWS_PER_READ_MAX ? lastTotal(connection) : windows.getLast().total();
      if (partial || first.messages() > messagesMax || first.bytes() > bytesMax) {
        long afterSeq = partial ? after.seq() : 0;
        return readPart(connection, base, first, afterSeq, messagesMax, bytesMax, lastTotal);
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

  /** A position may become unknown while it is read: the database failed over, or rows went. */
  private static void requireKnown(List<Window> windows, long from, Cursor after)
      throws SQLException {
    boolean whole = !windows.isEmpty() && windows.getFirst().n() == from;
    int index = (int) (after.window() - from);
    if (!whole || windows.size() <= index || !windows.get(index).id().equals(after.windowId())) {
      throw new SQLException(
          "the log does not know the position any more [window=" + after.window() + "]");
    }
  }

  private List<Window> windowsFrom(Connection connection, long from) throws SQLException {
    List<Window> windows = new ArrayList<>();
    try (PreparedStatement select =
        tables.prepare(
            connection,
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

  private long lastTotal(Connection connection) throws SQLException {
    try (PreparedStatement select =
            tables.prepare(
                connection, "SELECT total FROM tenon.outbox_window ORDER BY n DESC LIMIT 1");
        ResultSet row = select.executeQuery()) {
      row.next();
      return row.getLong(1);
    }
  }

  /** What the window before leaves out: nothing of another epoch. */
  private static Snapshot before(Window base, Window first) {
    return base.epoch() == first.epoch() ? base.snapshot() : Snapshot.NOTHING;
  }

  private Chunk readWhole(Connection connection, Window base, List<Window> windows, long lastTotal)
      throws SQLException {
    Snapshot lower = before(base, windows.getFirst());
    List<Snapshot> snapshots = windows.stream().map(Window::snapshot).toList();
    List<Row> rows = new ArrayList<>();
    long scanned = 0;
    try (PreparedStatement select = tables.prepare(connection, READ_WINDOWS)) {
      bindRange(select, lower, windows.getLast());
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
    requireWhole(connection, base, last, rows.size());
    return new Chunk(rows, Cursor.endOf(last.n(), last.id()), lastTotal - last.total(), scanned);
  }

  /**
   * Rows may be dropped between the look at the windows and the look at the rows. More rows than
   * were counted are in order: closing may overlook a partition that is attached in that moment.
   */
  private void requireWhole(Connection connection, Window base, Window last, int rows)
      throws SQLException {
    long missing = last.total() - base.total() - rows;
    if (missing <= 0) {
      return;
    }
    requireKept(connection, base);
    log.atError()
        .addKeyValue("after", base.n())
        .addKeyValue("to", last.n())
        .addKeyValue("missing", missing)
        .log("rows are missing that were counted when their windows were closed");
  }

  private void requireKept(Connection connection, Window base) throws SQLException {
    try (PreparedStatement select =
            tables.prepare(connection, "SELECT log_floor FROM tenon.identity");
        ResultSet row = select.executeQuery()) {
      row.next();
      if (row.getLong(1) > base.n()) {
        throw new SQLException(
            "the log is no longer kept after this position [window=" + base.n() + "]");
      }
    }
  }

  private static int firstThatSees(List<Snapshot> snapshots, long tx) {
    int index = 0;
    while (index < snapshots.size() && !snapshots.get(index).sees(tx)) {
      index++;
    }
    return index;
  }

  private Chunk readPart(
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
    try (PreparedStatement select = tables.prepare(connection, READ_PART)) {
      select.setFetchSize(FETCH_ROWS);
      bindRange(select, before(base, window), window);
      select.setLong(8, afterSeq);
      select.setInt(9, messagesMax + 1);
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

  private static void bindRange(PreparedStatement select, Snapshot lower, Window last)
      throws SQLException {
    select.setInt(1, last.epoch());
    select.setString(2, Long.toString(lower.xmax()));
    select.setString(3, Long.toString(last.snapshot().xmax()));
    select.setString(4, last.snapshotText());
    select.setInt(5, last.epoch());
    select.setString(6, lower.inProgressLiteral());
    select.setString(7, last.snapshotText());
  }

  @Override
  public boolean adoptHistory() throws SQLException {
    return history.adopt();
  }

  @Override
  public long history() {
    return history.version();
  }
}
