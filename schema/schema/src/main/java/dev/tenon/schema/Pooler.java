package dev.tenon.schema;

import java.lang.reflect.InvocationTargetException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Set;
import javax.sql.DataSource;

/**
 * Finds out whether a pooler stands before PostgreSQL that gives out its connections for one
 * transaction each, and whether the driver keeps statements in connections it does not own.
 */
final class Pooler {
  /** A statement of that name is there already, or is not there: another connection's. */
  static final Set<String> MIXED_UP = Set.of("42P05", "26000");

  private static final int LOOKS_MAX = 3;
  private static final int EXECUTIONS = 6;

  private Pooler() {}

  /**
   * Whether statements prepared on one connection would be missing, or in the way, on the next.
   *
   * @param dataSource where a second connection comes from, if a pooler is seen
   * @param connection an open one, committing by itself
   */
  static boolean breaksPreparedStatements(DataSource dataSource, Connection connection)
      throws SQLException {
    return behindOne(connection)
        && sharesConnections(dataSource, connection)
        && keepsStatements(connection);
  }

  /** A pooler hands out process ids of its own making. */
  private static boolean behindOne(Connection connection) throws SQLException {
    try {
      Class<?> type = Class.forName("org.postgresql.PGConnection");
      if (!connection.isWrapperFor(type)) {
        return false;
      }
      Object told = type.getMethod("getBackendPID").invoke(connection.unwrap(type));
      return !Integer.valueOf(backend(connection)).equals(told);
    } catch (ClassNotFoundException
        | NoSuchMethodException
        | IllegalAccessException
        | InvocationTargetException e) {
      return false;
    }
  }

  /** Whether two connections that are both open were served by one process. */
  private static boolean sharesConnections(DataSource dataSource, Connection one)
      throws SQLException {
    try (Connection other = dataSource.getConnection()) {
      for (int look = 0; look < LOOKS_MAX; look++) {
        int first = backend(one);
        other.setAutoCommit(false);
        int second = backend(other);
        other.rollback();
        other.setAutoCommit(true);
        if (first == second) {
          return true;
        }
      }
      return false;
    }
  }

  /** PgBouncer 1.21 and newer can keep statements itself; it names them after itself. */
  private static boolean keepsStatements(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    try (PreparedStatement often = connection.prepareStatement("SELECT 'tenon'");
        PreparedStatement count =
            connection.prepareStatement(
                "SELECT count(*) FROM pg_prepared_statements"
                    + " WHERE NOT from_sql AND name NOT LIKE 'PGBOUNCER%'")) {
      for (int i = 0; i < EXECUTIONS; i++) {
        often.executeQuery().close();
      }
      try (ResultSet row = count.executeQuery()) {
        row.next();
        return row.getInt(1) > 0;
      }
    } finally {
      connection.rollback();
      connection.setAutoCommit(true);
    }
  }

  private static int backend(Connection connection) throws SQLException {
    try (var statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT pg_backend_pid()")) {
      row.next();
      return row.getInt(1);
    }
  }
}
