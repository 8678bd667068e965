package dev.tenon.global;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;

/** A transaction of Tenon's own on the service's database, beside the units of work. */
final class LocalCommit {
  /** The database ends what a paused process left open. */
  private static final String LIMITS =
      "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;"
          + " SET LOCAL idle_in_transaction_session_timeout = '2s'; SET LOCAL lock_timeout = '10s'";

  private LocalCommit() {}

  /** What is done in it. */
  @FunctionalInterface
  interface Work<T> {
    T apply(Connection connection) throws SQLException;
  }

  /** Runs work in a transaction that is committed if it returns, and rolled back if it throws. */
  static <T> T run(DataSource dataSource, Work<T> work) throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      boolean autoCommit = connection.getAutoCommit();
      connection.setAutoCommit(false);
      try {
        try (var statement = connection.createStatement()) {
          statement.execute(LIMITS);
        }
        T answer = work.apply(connection);
        connection.commit();
        connection.setAutoCommit(autoCommit);
        return answer;
      } catch (SQLException | RuntimeException e) {
        rollback(connection, autoCommit, e);
        throw e;
      }
    }
  }

  private static void rollback(Connection connection, boolean autoCommit, Exception reason) {
    try {
      connection.rollback();
      connection.setAutoCommit(autoCommit);
    } catch (SQLException e) {
      reason.addSuppressed(e);
    }
  }
}
