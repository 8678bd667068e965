package dev.tenon.transaction.spi;

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
public final class TenonTables {
  /** Makes the commit of the open transaction durable, whatever the session was told. */
  public static final String FORCE_DURABLE =
      "SELECT CASE WHEN current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')"
          + " THEN set_config('synchronous_commit', 'on', true) END";

  private static final String WRITTEN = "tenon";
  private static final String QUALIFIER = WRITTEN + ".";
  private static final String RULE = "[a-z][a-z0-9_]{0,62}";

  /** Some statements name partitions, and there is no end to those. */
  private static final int REMEMBERED_MAX = 500;

  private final boolean asWritten;
  private final String qualifier;
  private final Map<String, String> remembered = new ConcurrentHashMap<>();

  /**
   * Names the schema. The name is quoted: it may be a word of SQL.
   *
   * @param schema the schema of Tenon's tables
   */
  public TenonTables(String schema) {
    if (!schema.matches(RULE)) {
      throw new IllegalArgumentException("tenonSchema: " + schema + " (expected: " + RULE + ")");
    }
    this.asWritten = schema.equals(WRITTEN);
    this.qualifier = '"' + schema + "\".";
  }

  /**
   * The same text for the schema at hand.
   *
   * @param text a statement that names tables in schema {@code tenon}
   * @return the statement to execute
   */
  public String sql(String text) {
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

  /**
   * Prepares a statement.
   *
   * @param connection where
   * @param text a statement that names tables in schema {@code tenon}
   * @return the statement
   * @throws SQLException if the database refuses it
   */
  public PreparedStatement prepare(Connection connection, String text) throws SQLException {
    return connection.prepareStatement(sql(text));
  }

  /**
   * Runs a statement once that has no parameters and no result.
   *
   * @param connection where
   * @param text a statement that names tables in schema {@code tenon}
   * @throws SQLException if it fails
   */
  public void execute(Connection connection, String text) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute(sql(text));
    }
  }
}
