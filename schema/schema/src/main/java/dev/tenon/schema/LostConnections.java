package dev.tenon.schema;

import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.List;

/** Finds lost connections behind failures, whatever kind of database they were to. */
final class LostConnections {
  private static final int CAUSES_MAX = 50;
  private static final List<Dialect> KINDS = List.of(new PostgresDialect());

  private LostConnections() {}

  static boolean behind(Throwable failure) {
    Throwable cause = failure;
    for (int i = 0; cause != null && i < CAUSES_MAX; i++) {
      if (cause instanceof SQLException sql
          && (byPool(sql) || KINDS.stream().anyMatch(kind -> kind.connectionLost(sql)))) {
        return true;
      }
      cause = cause.getCause();
    }
    return false;
  }

  /**
   * A pool has none to give; or HikariCP has closed one that broke, and says so without a state.
   */
  private static boolean byPool(SQLException failure) {
    return failure instanceof SQLTransientConnectionException
        || (failure.getSQLState() == null && "Connection is closed".equals(failure.getMessage()));
  }
}
