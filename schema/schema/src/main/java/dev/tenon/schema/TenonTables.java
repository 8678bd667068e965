package dev.tenon.schema;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Tenon's own tables and their history. All that is missing is made by one transaction under one
 * lock, with no state left in the session: safe for several instances at once, and behind a pooler
 * in transaction mode. Each schema has its own, with a lock of its own.
 */
final class TenonTables {
  private static final String FOLDER = "/dev/tenon/schema/postgresql/";

  /** What this code knows. Within a major version each step only adds. */
  static final List<Step> STEPS =
      List.of(
          new Step(new Version(1, 0), "V1_0__messaging.sql"),
          new Step(new Version(1, 1), "V1_1__replies.sql"),
          new Step(new Version(1, 2), "V1_2__branches.sql"),
          new Step(new Version(1, 3), "V1_3__decisions.sql"),
          new Step(new Version(1, 4), "V1_4__sagas.sql"),
          new Step(new Version(1, 5), "V1_5__pivots.sql"),
          new Step(new Version(1, 6), "V1_6__automatic.sql"),
          new Step(new Version(1, 7), "V1_7__prepared.sql"),
          new Step(new Version(1, 8), "V1_8__automatic_plans.sql"));

  private final List<Step> steps;
  private final String schema;

  TenonTables(List<Step> steps, String schema) {
    this.steps = List.copyOf(steps);
    this.schema = schema;
  }

  /** Statements are written for schema tenon. The name is quoted: it may be a word of SQL. */
  private String sql(String text) {
    return schema.equals("tenon") ? text : text.replace("tenon.", '"' + schema + "\".");
  }

  /** A version of the tables. */
  record Version(int major, int minor) implements Comparable<Version> {
    private static final Comparator<Version> ORDER =
        Comparator.comparingInt(Version::major).thenComparingInt(Version::minor);

    @Override
    public int compareTo(Version other) {
      return ORDER.compare(this, other);
    }

    @Override
    public String toString() {
      return major + "." + minor;
    }
  }

  /** What leads to a version from the one before. */
  record Step(Version version, String script) {}

  /** The newest version that this code knows. */
  Version known() {
    return steps.getLast().version();
  }

  /** The version of the tables in the database; empty if there are none. */
  Optional<Version> present(Connection connection) throws SQLException {
    try (PreparedStatement look =
            connection.prepareStatement(
                sql("SELECT to_regclass('tenon.tables_history') IS NOT NULL"));
        ResultSet row = look.executeQuery()) {
      row.next();
      if (!row.getBoolean(1)) {
        return Optional.empty();
      }
    }
    try (PreparedStatement select =
            connection.prepareStatement(
                sql(
                    "SELECT major, minor FROM tenon.tables_history"
                        + " ORDER BY major DESC, minor DESC LIMIT 1"));
        ResultSet row = select.executeQuery()) {
      return row.next() ? Optional.of(new Version(row.getInt(1), row.getInt(2))) : Optional.empty();
    }
  }

  /** Makes what is missing, and commits it. A version that is newer than known is left alone. */
  void migrate(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    try (var statement = connection.createStatement()) {
      statement.execute("SET LOCAL idle_in_transaction_session_timeout = '30s'");
      statement.execute(sql("SELECT pg_advisory_xact_lock(hashtext('tenon.schema'))"));
      createSchema(connection);
      statement.execute(
          sql(
              "CREATE TABLE IF NOT EXISTS tenon.tables_history (major integer, minor integer,"
                  + " applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),"
                  + " PRIMARY KEY (major, minor))"));
      Version present = present(connection).orElse(new Version(0, 0));
      for (Step step : steps) {
        if (step.version().compareTo(present) > 0) {
          statement.execute(sql(read(step.script())));
          note(connection, step.version());
        }
      }
      connection.commit();
    } catch (SQLException | RuntimeException e) {
      connection.rollback();
      throw e;
    } finally {
      connection.setAutoCommit(true);
    }
  }

  /** A login that may not create schemas can have it made for it beforehand. */
  private void createSchema(Connection connection) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement("SELECT 1 FROM pg_namespace WHERE nspname = ?")) {
      select.setString(1, schema);
      try (ResultSet found = select.executeQuery()) {
        if (found.next()) {
          return;
        }
      }
    }
    try (var statement = connection.createStatement()) {
      statement.execute("CREATE SCHEMA \"" + schema + "\"");
    }
  }

  private void note(Connection connection, Version version) throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            sql("INSERT INTO tenon.tables_history (major, minor) VALUES (?, ?)"))) {
      insert.setInt(1, version.major());
      insert.setInt(2, version.minor());
      insert.executeUpdate();
    }
  }

  /** The service whose tables these are; empty before the first claim. */
  Optional<String> owner(Connection connection) throws SQLException {
    try (PreparedStatement select =
            connection.prepareStatement(sql("SELECT service FROM tenon.identity"));
        ResultSet row = select.executeQuery()) {
      return row.next() ? Optional.of(row.getString(1)) : Optional.empty();
    }
  }

  /** Binds the tables to a service, unless they are bound. */
  void claim(Connection connection, String service) throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            sql("INSERT INTO tenon.identity (service) VALUES (?) ON CONFLICT DO NOTHING"))) {
      insert.setString(1, service);
      insert.executeUpdate();
    }
  }

  private static String read(String script) {
    try (InputStream in = TenonTables.class.getResourceAsStream(FOLDER + script)) {
      if (in == null) {
        throw new SchemaException("Could not read " + script + ": it is not on the class path.");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new SchemaException("Could not read " + script + ": " + e.getMessage() + ".", e);
    }
  }
}
