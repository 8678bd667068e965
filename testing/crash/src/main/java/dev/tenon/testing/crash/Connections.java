package dev.tenon.testing.crash;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The real connections of an exploration. Those to PostgreSQL serve one simulated process after
 * another, since opening one takes longer than most runs; nothing of a session is left in them.
 */
final class Connections implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Connections.class);
  private static final int VALIDATION_SECONDS = 5;
  private static final int IDLE_MAX = 16;

  private final Map<DataSource, Deque<Connection>> idle = new IdentityHashMap<>();

  static boolean postgres(Connection connection) throws SQLException {
    String product = connection.getMetaData().getDatabaseProductName();
    return product.toLowerCase(Locale.ROOT).contains("postgresql");
  }

  Connection take(DataSource from) throws SQLException {
    Connection connection = poll(from);
    while (connection != null && !connection.isValid(VALIDATION_SECONDS)) {
      discard(connection);
      connection = poll(from);
    }
    return connection != null ? connection : from.getConnection();
  }

  private synchronized @Nullable Connection poll(DataSource from) {
    Deque<Connection> kept = idle.get(from);
    return kept == null ? null : kept.pollFirst();
  }

  /** Ends a session: what is not committed is rolled back. */
  void giveBack(DataSource to, Connection connection) {
    try {
      if (connection.isClosed()) {
        return;
      }
      if (!connection.getAutoCommit()) {
        connection.rollback();
        connection.setAutoCommit(true);
      }
      if (!postgres(connection)) {
        connection.close();
        return;
      }
      connection.setReadOnly(false);
      connection.setNetworkTimeout(Runnable::run, 0);
      try (Statement statement = connection.createStatement()) {
        statement.execute("rollback");
        statement.execute("discard all");
      }
      keep(to, connection);
    } catch (SQLException e) {
      LOG.debug("A connection is of no further use", e);
      discard(connection);
    }
  }

  private void keep(DataSource to, Connection connection) {
    synchronized (this) {
      Deque<Connection> kept = idle.computeIfAbsent(to, key -> new ArrayDeque<>());
      if (kept.size() < IDLE_MAX) {
        kept.addFirst(connection);
        return;
      }
    }
    discard(connection);
  }

  private static void discard(Connection connection) {
    try {
      connection.close();
    } catch (SQLException e) {
      LOG.debug("Could not close a connection; the database will", e);
    }
  }

  @Override
  public void close() {
    List<Connection> all = new ArrayList<>();
    synchronized (this) {
      idle.values().forEach(all::addAll);
      idle.clear();
    }
    all.forEach(Connections::discard);
  }
}
