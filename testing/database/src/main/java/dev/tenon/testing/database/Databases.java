package dev.tenon.testing.database;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;

/** The superuser's work: databases and their logins. */
final class Databases {

  private static final int NAME_BYTES_MAX = 63;

  /** Changes are made one at a time; this advisory lock orders them, across processes too. */
  private static final long LOCK = 0x74656e6f6eL;

  private final DataSource superuser;

  Databases(DataSource superuser) {
    this.superuser = superuser;
  }

  /** Creates what is missing of a login and its database, and shuts everybody else out. */
  void create(String name, String owner, String password) throws SQLException {
    try (Connection connection = superuser.getConnection()) {
      lock(connection);
      boolean loginExists = exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = ?", owner);
      String verb = loginExists ? "ALTER" : "CREATE";
      execute(connection, verb + " ROLE %I LOGIN PASSWORD %L", owner, password);
      if (!exists(connection, "SELECT 1 FROM pg_database WHERE datname = ?", name)) {
        execute(connection, "CREATE DATABASE %I OWNER %I", name, owner);
      } else {
        execute(connection, "ALTER DATABASE %I OWNER TO %I", name, owner);
      }
      execute(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", name);
      execute(connection, "REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC");
    }
  }

  /** Rolls back what is prepared in a database: until then it cannot be dropped. */
  void rollBackPrepared(DataSource database, String name) throws SQLException {
    List<String> prepared = new ArrayList<>();
    try (Connection connection = superuser.getConnection();
        PreparedStatement statement =
            connection.prepareStatement("SELECT gid FROM pg_prepared_xacts WHERE database = ?")) {
      statement.setString(1, name);
      try (ResultSet rows = statement.executeQuery()) {
        while (rows.next()) {
          prepared.add(rows.getString(1));
        }
      }
    }
    if (prepared.isEmpty()) {
      return; // and perhaps there is no such database
    }
    try (Connection connection = database.getConnection()) {
      for (String gid : prepared) {
        execute(connection, "ROLLBACK PREPARED %L", gid);
      }
    }
  }

  /** Drops a database, cutting its connections; without such a database nothing happens. */
  void drop(String name) throws SQLException {
    try (Connection connection = superuser.getConnection()) {
      lock(connection);
      execute(connection, "DROP DATABASE IF EXISTS %I WITH (FORCE)", name);
    }
  }

  /** Drops a login that owns nothing any more. */
  void dropLogin(String name) throws SQLException {
    try (Connection connection = superuser.getConnection()) {
      lock(connection);
      execute(connection, "DROP ROLE IF EXISTS %I", name);
    }
  }

  static String checkName(String value, String parameter) {
    requireNonNull(value, parameter);
    int bytes = value.getBytes(StandardCharsets.UTF_8).length;
    if (bytes == 0 || bytes > NAME_BYTES_MAX || value.indexOf('\0') >= 0) {
      throw new IllegalArgumentException(
          parameter + ": " + value + " (expected: 1.." + NAME_BYTES_MAX + " bytes)");
    }
    return value;
  }

  private static void lock(Connection connection) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT pg_advisory_lock(?)")) {
      statement.setLong(1, LOCK);
      statement.execute();
    }
  }

  private static boolean exists(Connection connection, String query, String name)
      throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(query)) {
      statement.setString(1, name);
      try (ResultSet rows = statement.executeQuery()) {
        return rows.next();
      }
    }
  }

  /** Such statements take no parameters, so the server itself quotes the names into them. */
  private static void execute(Connection connection, String template, String... names)
      throws SQLException {
    String sql;
    String format = "SELECT format(?" + ", ?::text".repeat(names.length) + ")";
    try (PreparedStatement statement = connection.prepareStatement(format)) {
      statement.setString(1, template);
      for (int i = 0; i < names.length; i++) {
        statement.setString(i + 2, names[i]);
      }
      try (ResultSet rows = statement.executeQuery()) {
        rows.next();
        sql = rows.getString(1);
      }
    }
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }
}
