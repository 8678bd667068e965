package dev.tenon.schema;

import java.sql.SQLException;
import java.util.Set;

/** PostgreSQL 14 and newer. Error codes: PostgreSQL manual, appendix A. */
final class PostgresDialect implements Dialect {
  static final int MAJOR_MIN = 14;

  private static final String CONNECTION_CLASS = "08";
  private static final Set<String> SHUTDOWN =
      Set.of("57P01", "57P02", "57P03", "57P05", "25P03", "25P04");
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
}
