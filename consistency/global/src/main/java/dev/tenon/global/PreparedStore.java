package dev.tenon.global;

import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What is known of prepared transactions that cannot just be ended. The branch's own row is part of
 * the prepared transaction, so this stands beside it, under the transaction's name.
 */
final class PreparedStore {
  private static final String DURABLE = "WITH durable AS (" + TenonTables.FORCE_DURABLE + ") ";

  private final TenonTables tables;

  PreparedStore(TenonTables tables) {
    this.tables = tables;
  }

  /**
   * A note.
   *
   * @param wanted how a person has said that it ends; empty if it is parked
   * @param error why it is parked
   */
  record Note(Optional<Outcome> wanted, Optional<String> error) {}

  /** All notes, by the names of the transactions. */
  Map<String, Note> notes(Connection connection) throws SQLException {
    Map<String, Note> notes = new HashMap<>();
    try (PreparedStatement select =
            tables.prepare(connection, "SELECT gid, wanted, error FROM tenon.prepared");
        ResultSet row = select.executeQuery()) {
      while (row.next()) {
        notes.put(
            row.getString("gid"),
            new Note(
                Optional.ofNullable(row.getString("wanted")).map(Outcome::valueOf),
                Optional.ofNullable(row.getString("error"))));
      }
    }
    return notes;
  }

  /** Parks one, unless something is noted of it already; says whether that is new. */
  boolean park(Connection connection, Gid gid, String why) throws SQLException {
    try (PreparedStatement insert =
        tables.prepare(
            connection,
            DURABLE
                + "INSERT INTO tenon.prepared (gid, xid, step, error)"
                + " SELECT ?::text, ?::text, ?::text, ?::text FROM durable"
                + " ON CONFLICT DO NOTHING")) {
      insert.setString(1, gid.text());
      insert.setString(2, gid.signed().xid().text());
      insert.setString(3, gid.step());
      insert.setString(4, why);
      return insert.executeUpdate() == 1;
    }
  }

  /** Stores how a person has said that one ends. */
  void want(Connection connection, Gid gid, Outcome outcome) throws SQLException {
    try (PreparedStatement insert =
        tables.prepare(
            connection,
            DURABLE
                + "INSERT INTO tenon.prepared (gid, xid, step, wanted)"
                + " SELECT ?::text, ?::text, ?::text, ?::text FROM durable"
                + " ON CONFLICT (gid) DO UPDATE SET wanted = excluded.wanted")) {
      insert.setString(1, gid.text());
      insert.setString(2, gid.signed().xid().text());
      insert.setString(3, gid.step());
      insert.setString(4, outcome.name());
      insert.executeUpdate();
    }
  }

  /** Forgets what is noted of one, so that its starter is asked again. */
  void forget(Connection connection, Gid gid) throws SQLException {
    try (PreparedStatement delete =
        tables.prepare(connection, "DELETE FROM tenon.prepared WHERE gid = ?")) {
      delete.setString(1, gid.text());
      delete.executeUpdate();
    }
  }

  /** Deletes the notes of transactions that are not there any more. */
  void keep(Connection connection, Collection<String> gids) throws SQLException {
    try (PreparedStatement delete =
        tables.prepare(connection, "DELETE FROM tenon.prepared WHERE gid <> ALL (?)")) {
      delete.setArray(1, connection.createArrayOf("text", gids.toArray()));
      delete.executeUpdate();
    }
  }
}
