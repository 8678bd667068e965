package dev.tenon.schema;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Optional;
import java.util.Set;

/** PostgreSQL 14 and newer. Error codes: PostgreSQL manual, appendix A. */
final class PostgresDialect implements Dialect {
  static final int MAJOR_MIN = 14;

  private static final String CONNECTION_CLASS = "08";
  private static final Set<String> SHUTDOWN =
      Set.of("57P01", "57P02", "57P03", "57P05", "25P03", "25P04");
  private static final String IN_FAILED_TRANSACTION = "25P02";
  private static final Set<String> CONCURRENCY = Set.of("40001", "40P01");

  @Override
  public String name() {
    return "postgresql";
  }

  @Override
  public boolean connectionLost(SQLException exception) {
    String state = exception.getSQLState();
    return state != null && (state.startsWith(CONNECTION_CLASS) || SHUTDOWN.contains(state));
  }

  @Override
  public boolean repeatable(SQLException exception) {
    String state = exception.getSQLState();
    return state != null && CONCURRENCY.contains(state);
  }

  /** Asks the driver, which knows it from the last answer; other drivers' connections are tried. */
  @Override
  public boolean doomed(Connection connection) throws SQLException {
    Optional<String> state = driverState(connection);
    if (state.isPresent()) {
      return state.get().equals("FAILED");
    }
    try (var statement = connection.createStatement()) {
      statement.execute("SELECT 1");
      return false;
    } catch (SQLException e) {
      if (IN_FAILED_TRANSACTION.equals(e.getSQLState())) {
        return true;
      }
      throw e;
    }
  }

  private static Optional<String> driverState(Connection connection) throws SQLException {
    try {
      Class<?> type = Class.forName("org.postgresql.core.BaseConnection");
      return connection.isWrapperFor(type)
          ? Optional.of(
              String.valueOf(type.getMethod("getTransactionState").invoke(connection.unwrap(type))))
          : Optional.empty();
    } catch (ReflectiveOperationException e) {
      return Optional.empty();
    }
  }
}
