package dev.tenon.transaction.spi;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;

/**
 * A transaction of Tenon's own on the service's database, beside the units of work. The database
 * ends it when this process idles in it for two seconds, so that a paused process keeps no lock,
 * and when it waits for a lock for ten.
 */
public final class LocalCommit {
  private static final String LIMITS =
      "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;"
          + " SET LOCAL idle_in_transaction_session_timeout = '2s'; SET LOCAL lock_timeout = '10s'";

  private LocalCommit() {}

  /** What is done in it. */
  @FunctionalInterface
  public interface Work<T> {
    /**
     * Does the work; it may not commit by itself.
     *
     * @param connection in the transaction
     * @return the answer
     * @throws SQLException if a statement failed; nothing is then committed
     */
    T apply(Connection connection) throws SQLException;
  }

  /**
   * Runs work in a transaction that is committed if it returns, and rolled back if it throws.
   *
   * @param dataSource the service's database
   * @param work is run once
   * @param <T> the kind of answer
   * @return the work's answer
   * @throws SQLException of the work, of the connection or of the commit; after the latter it is
   *     not known whether the work was committed
   */
  public static <T> T run(DataSource dataSource, Work<T> work) throws SQLException {
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
