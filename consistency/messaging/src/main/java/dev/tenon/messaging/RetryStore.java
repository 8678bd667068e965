package dev.tenon.messaging;

import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import javax.sql.DataSource;

/**
 * Messages that failed, and the later ones of their keys, in the order of the log. Only the owner
 * of a slot adds, tries and removes; anybody may replay or drop. Thread-safe.
 */
final class RetryStore {
  static final int HEADS_MAX = 100;
  private static final int ERROR_LENGTH_MAX = 2_000;

  private static final String COLUMNS =
      "subscription, slot, order_key, position, id, topic, key, version, headers, created_at,"
          + " payload, attempts, next_at, parked, error";

  private static final String DURABLY = "WITH durable AS (" + TenonTables.FORCE_DURABLE + ") ";

  private final DataSource dataSource;
  private final TenonTables tables;

  RetryStore(DataSource dataSource, TenonTables tables) {
    this.dataSource = dataSource;
    this.tables = tables;
  }

  /** What orders a message among the failed ones: its key, or itself. */
  static String orderKey(Message message) {
    return message.key().map(key -> "k:" + key).orElseGet(() -> "m:" + message.id());
  }

  /**
   * The first failed message of a key.
   *
   * @param position its place in the table
   */
  record Head(String orderKey, long position, Message message, int attempts, Instant nextAt) {}

  /** What becomes of a message that failed. */
  record Verdict(int attempts, Instant nextAt, boolean parked, String error) {}

  /** Adds a message that failed, or that stands behind one. */
  void add(Connection connection, SlotLease slot, Message message, Verdict verdict)
      throws SQLException {
    try (PreparedStatement insert =
        tables.prepare(
            connection,
            "INSERT INTO tenon.retry (subscription, slot, order_key, id, topic, key, version,"
                + " headers, created_at, payload, attempts, next_at, parked, error)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
      insert.setString(1, slot.subscription());
      insert.setInt(2, slot.slot().index());
      insert.setString(3, orderKey(message));
      insert.setObject(4, message.id());
      insert.setString(5, message.topic());
      insert.setString(6, message.key().orElse(null));
      insert.setInt(7, message.version());
      insert.setString(8, Sql.headers(message.headers()));
      insert.setObject(9, Sql.time(message.createdAt()));
      insert.setBytes(10, message.payload());
      insert.setInt(11, verdict.attempts());
      insert.setObject(12, Sql.time(verdict.nextAt()));
      insert.setBoolean(13, verdict.parked());
      insert.setString(14, verdict.error().isEmpty() ? null : cut(verdict.error()));
      insert.executeUpdate();
    }
  }

  /**
   * What is to be tried.
   *
   * @param heads the first messages of their keys that are due, by their time; at most {@link
   *     #HEADS_MAX}
   * @param next when the next one is due, if there are none now; {@link Instant#MAX} for never
   */
  record Due(List<Head> heads, Instant next) {}

  /** Messages that wait for a person hold up nobody but their own keys. */
  Due due(SlotLease slot, Instant now) throws SQLException {
    List<Head> heads = new ArrayList<>();
    Instant next = Instant.MAX;
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT r.* FROM (SELECT DISTINCT ON (order_key) order_key, position, next_at,"
                    + " parked FROM tenon.retry WHERE subscription = ? AND slot = ?"
                    + " ORDER BY order_key, position) h JOIN tenon.retry r"
                    + " ON r.subscription = ? AND r.slot = ? AND r.order_key = h.order_key"
                    + " AND r.position = h.position"
                    + " WHERE NOT h.parked ORDER BY h.next_at, h.position LIMIT ?")) {
      select.setString(1, slot.subscription());
      select.setInt(2, slot.slot().index());
      select.setString(3, slot.subscription());
      select.setInt(4, slot.slot().index());
      select.setInt(5, HEADS_MAX);
      try (ResultSet row = select.executeQuery()) {
        while (row.next() && next.equals(Instant.MAX)) {
          Head head = head(row);
          if (head.nextAt().isAfter(now)) {
            next = head.nextAt();
          } else {
            heads.add(head);
          }
        }
      }
    }
    return new Due(heads, next);
  }

  /** The first message that a key has left. */
  Optional<Head> first(SlotLease slot, String orderKey) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT * FROM tenon.retry WHERE subscription = ? AND slot = ?"
                    + " AND order_key = ? ORDER BY position LIMIT 1")) {
      select.setString(1, slot.subscription());
      select.setInt(2, slot.slot().index());
      select.setString(3, orderKey);
      try (ResultSet row = select.executeQuery()) {
        return row.next() && !row.getBoolean("parked") ? Optional.of(head(row)) : Optional.empty();
      }
    }
  }

  private static Head head(ResultSet row) throws SQLException {
    return new Head(
        row.getString("order_key"),
        row.getLong("position"),
        Sql.message(row),
        row.getInt("attempts"),
        Sql.instant(row, "next_at"));
  }

  /**
   * The keys of a slot that have failed messages.
   *
   * @param limit the most to return: fewer are all there are
   */
  List<String> keys(SlotLease slot, int limit) throws SQLException {
    List<String> keys = new ArrayList<>();
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT DISTINCT order_key FROM tenon.retry"
                    + " WHERE subscription = ? AND slot = ? LIMIT ?")) {
      select.setString(1, slot.subscription());
      select.setInt(2, slot.slot().index());
      select.setInt(3, limit);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          keys.add(row.getString(1));
        }
      }
    }
    return keys;
  }

  /** Removes a message that was handled; says whether it was still there. */
  boolean remove(Connection connection, SlotLease slot, Head head) throws SQLException {
    try (PreparedStatement delete =
        tables.prepare(
            connection,
            "DELETE FROM tenon.retry WHERE subscription = ? AND slot = ?"
                + " AND order_key = ? AND position = ?")) {
      delete.setString(1, slot.subscription());
      delete.setInt(2, slot.slot().index());
      delete.setString(3, head.orderKey());
      delete.setLong(4, head.position());
      return delete.executeUpdate() == 1;
    }
  }

  void failedAgain(Connection connection, SlotLease slot, Head head, Verdict verdict)
      throws SQLException {
    try (PreparedStatement update =
        tables.prepare(
            connection,
            "UPDATE tenon.retry SET attempts = ?, next_at = ?, parked = ?, error = ?"
                + " WHERE subscription = ? AND slot = ? AND order_key = ? AND position = ?")) {
      update.setInt(1, verdict.attempts());
      update.setObject(2, Sql.time(verdict.nextAt()));
      update.setBoolean(3, verdict.parked());
      update.setString(4, cut(verdict.error()));
      update.setString(5, slot.subscription());
      update.setInt(6, slot.slot().index());
      update.setString(7, head.orderKey());
      update.setLong(8, head.position());
      update.executeUpdate();
    }
  }

  int replay(List<UUID> ids, Instant now) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement update =
            tables.prepare(
                connection,
                DURABLY
                    + "UPDATE tenon.retry SET parked = false, attempts = 0, next_at = ?"
                    + " FROM durable WHERE id = ANY (?)")) {
      update.setObject(1, Sql.time(now));
      update.setArray(2, connection.createArrayOf("uuid", ids.toArray()));
      return update.executeUpdate();
    }
  }

  int drop(List<UUID> ids) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement delete =
            tables.prepare(
                connection, DURABLY + "DELETE FROM tenon.retry USING durable WHERE id = ANY (?)")) {
      delete.setArray(1, connection.createArrayOf("uuid", ids.toArray()));
      return delete.executeUpdate();
    }
  }

  List<FailedMessages.FailedMessage> list(boolean parkedOnly, int limit) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                withHeads()
                    + " WHERE (NOT ? OR (parked AND head))"
                    + " ORDER BY subscription, position LIMIT ?")) {
      select.setBoolean(1, parkedOnly);
      select.setInt(2, limit);
      return failed(select);
    }
  }

  List<FailedMessages.FailedMessage> find(UUID id) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(connection, withHeads() + " WHERE id = ? ORDER BY subscription")) {
      select.setObject(1, id);
      return failed(select);
    }
  }

  private static String withHeads() {
    return "SELECT * FROM (SELECT "
        + COLUMNS
        + ", row_number() OVER (PARTITION BY subscription, slot, order_key ORDER BY position) = 1"
        + " AS head FROM tenon.retry) failed";
  }

  private static List<FailedMessages.FailedMessage> failed(PreparedStatement select)
      throws SQLException {
    List<FailedMessages.FailedMessage> found = new ArrayList<>();
    try (ResultSet row = select.executeQuery()) {
      while (row.next()) {
        FailedMessages.State state =
            !row.getBoolean("head")
                ? FailedMessages.State.BEHIND
                : row.getBoolean("parked")
                    ? FailedMessages.State.PARKED
                    : FailedMessages.State.RETRY;
        found.add(
            new FailedMessages.FailedMessage(
                row.getString("subscription"),
                Sql.message(row),
                state,
                row.getInt("attempts"),
                state == FailedMessages.State.RETRY
                    ? Optional.of(Sql.instant(row, "next_at"))
                    : Optional.empty(),
                Optional.ofNullable(row.getString("error"))));
      }
    }
    return found;
  }

  /** Counts failed and parked messages by subscription. */
  Map<String, long[]> counts() throws SQLException {
    Map<String, long[]> counts = new TreeMap<>();
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT subscription, count(*), count(*) FILTER (WHERE parked)"
                    + " FROM tenon.retry GROUP BY subscription");
        ResultSet row = select.executeQuery()) {
      while (row.next()) {
        counts.put(row.getString(1), new long[] {row.getLong(2), row.getLong(3)});
      }
    }
    return counts;
  }

  private static String cut(String error) {
    // PostgreSQL's text has no character zero.
    String text = error.replace('\0', '?');
    return text.length() <= ERROR_LENGTH_MAX ? text : text.substring(0, ERROR_LENGTH_MAX);
  }
}
