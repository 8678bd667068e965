package dev.tenon.messaging;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Where Tenon's tables are. Statements name them in schema {@code tenon}; those of a service whose
 * tables are elsewhere are changed on their way to the database, together with the names of locks.
 * Every statement goes this way. Thread-safe.
 */
final class TenonTables {
  private static final String WRITTEN = "tenon";
  private static final String QUALIFIER = WRITTEN + ".";
  private static final String RULE = "[a-z][a-z0-9_]{0,62}";

  /** Some statements name partitions, and there is no end to those. */
  private static final int REMEMBERED_MAX = 500;

  private final boolean asWritten;
  private final String qualifier;
  private final Map<String, String> remembered = new ConcurrentHashMap<>();

  /** The name is quoted: it may be a word of SQL. */
  TenonTables(String schema) {
    if (!schema.matches(RULE)) {
      throw new IllegalArgumentException("tenonSchema: " + schema + " (expected: " + RULE + ")");
    }
    this.asWritten = schema.equals(WRITTEN);
    this.qualifier = '"' + schema + "\".";
  }

  /** The same text for the schema at hand. */
  String sql(String text) {
    if (asWritten) {
      return text;
    }
    String known = remembered.get(text);
    if (known != null) {
      return known;
    }
    String changed = text.replace(QUALIFIER, qualifier);
    if (remembered.size() < REMEMBERED_MAX) {
      remembered.put(text, changed);
    }
    return changed;
  }

  PreparedStatement prepare(Connection connection, String text) throws SQLException {
    return connection.prepareStatement(sql(text));
  }

  /** Runs a statement once that has no parameters and no result. */
  void execute(Connection connection, String text) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute(sql(text));
    }
  }
}
