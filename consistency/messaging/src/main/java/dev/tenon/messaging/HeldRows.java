package dev.tenon.messaging;

import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** The messages that wait for a branch to be confirmed. */
final class HeldRows {
  private final TenonTables tables;

  HeldRows(TenonTables tables) {
    this.tables = tables;
  }

  /** A message, and when it is to be sent if not at once. */
  record Row(OutboxLog.NewMessage message, Optional<Instant> dueAt) {}

  private record Placed(long position, Row row) {}

  /** Stores messages, in order. */
  void write(Connection connection, UUID holder, List<Row> rows) throws SQLException {
    if (rows.isEmpty()) {
      return;
    }
    try (PreparedStatement insert =
        tables.prepare(
            connection,
            "INSERT INTO tenon.branch_message"
                + " (holder, id, due_at, topic, key, version, headers, payload)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")) {
      for (Row row : rows) {
        insert.setObject(1, holder);
        insert.setObject(2, row.message().id());
        insert.setObject(3, row.dueAt().map(Sql::time).orElse(null));
        bind(insert, 4, row.message());
        insert.addBatch();
      }
      insert.executeBatch();
    }
    tables.execute(connection, TenonTables.FORCE_DURABLE);
  }

  /** Sets topic, key, version, headers and payload. */
  static void bind(PreparedStatement insert, int first, OutboxLog.NewMessage message)
      throws SQLException {
    insert.setString(first, message.topic());
    insert.setString(first + 1, message.key().orElse(null));
    insert.setInt(first + 2, message.version());
    insert.setString(first + 3, message.headers());
    insert.setBytes(first + 4, message.payload());
  }

  /** Deletes what waits for a holder, and gives it in order. */
  List<Row> take(Connection connection, UUID holder) throws SQLException {
    List<Placed> found = new ArrayList<>();
    try (PreparedStatement delete =
        tables.prepare(
            connection,
            "DELETE FROM tenon.branch_message WHERE holder = ? RETURNING position, id, due_at,"
                + " topic, key, version, headers, payload")) {
      delete.setObject(1, holder);
      try (ResultSet row = delete.executeQuery()) {
        while (row.next()) {
          found.add(new Placed(row.getLong("position"), read(row)));
        }
      }
    }
    found.sort(Comparator.comparingLong(Placed::position));
    return found.stream().map(Placed::row).toList();
  }

  private static Row read(ResultSet row) throws SQLException {
    OffsetDateTime dueAt = row.getObject("due_at", OffsetDateTime.class);
    return new Row(
        new OutboxLog.NewMessage(
            row.getObject("id", UUID.class),
            row.getString("topic"),
            Optional.ofNullable(row.getString("key")),
            row.getInt("version"),
            row.getString("headers"),
            row.getBytes("payload")),
        Optional.ofNullable(dueAt).map(OffsetDateTime::toInstant));
  }

  /** Deletes what waits for a holder. */
  void delete(Connection connection, UUID holder) throws SQLException {
    try (PreparedStatement delete =
        tables.prepare(connection, "DELETE FROM tenon.branch_message WHERE holder = ?")) {
      delete.setObject(1, holder);
      delete.executeUpdate();
    }
  }
}
