package dev.tenon.global;

import dev.tenon.schema.ServiceDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The prepared transactions of a service in one database. They are ended outside of transactions,
 * as the database demands, and on a connection that is kept for that: whoever waits for a prepared
 * row may hold all others of the pool. Thread-safe.
 */
final class PreparedTransactions {
  private static final Logger log = LoggerFactory.getLogger(PreparedTransactions.class);
  private static final String NOT_THERE = "42704";
  private static final String NOT_NOW = "55000";
  private static final String NO_ROOM = "53200";
  private static final String SETTING = "max_prepared_transactions";

  private static final String FIND =
      "SELECT gid, prepared, extract(epoch FROM clock_timestamp() - prepared)::bigint AS seconds"
          + " FROM pg_prepared_xacts"
          + " WHERE database = current_database() AND starts_with(gid, ?) ORDER BY prepared";

  private static final int VALID_SECONDS = 1;

  private final DataSource dataSource;
  private final String service;
  private final String place;
  private final ReentrantLock keeping = new ReentrantLock();
  private volatile @Nullable Connection kept;
  private boolean keptAutoCommit;

  PreparedTransactions(ServiceDatabase database) {
    this(database, "", database.dataSource());
  }

  /** Those in another database of the service. */
  PreparedTransactions(ServiceDatabase own, XaDatabase other) {
    this(own, other.name(), other.dataSource());
  }

  private PreparedTransactions(ServiceDatabase own, String name, DataSource dataSource) {
    this.dataSource = dataSource;
    this.service = own.service();
    this.place = Gid.place(own.service(), own.tenonSchema(), name);
  }

  Connection connect() throws SQLException {
    return dataSource.getConnection();
  }

  /** What is done on the kept connection. */
  @FunctionalInterface
  interface Statements<T> {
    T run(Connection connection) throws SQLException;
  }

  /** Does something on the kept connection, one after another. It is opened where it is not. */
  <T> T onKept(Statements<T> statements) throws SQLException {
    keeping.lock();
    try {
      Connection connection = kept;
      if (connection == null) {
        connection = connect();
        keptAutoCommit = connection.getAutoCommit();
        connection.setAutoCommit(true);
        kept = connection;
      }
      try {
        return statements.run(connection);
      } catch (SQLException e) {
        giveBackIfLost(connection);
        throw e;
      }
    } finally {
      keeping.unlock();
    }
  }

  /** Whether somebody is using the kept connection. */
  boolean isBusy() {
    return keeping.isLocked();
  }

  private void giveBackIfLost(Connection connection) throws SQLException {
    if (keeping.isHeldByCurrentThread()
        && connection.equals(kept)
        && !connection.isValid(VALID_SECONDS)) {
      giveBack();
    }
  }

  /** Gives the kept connection back. Safe to repeat; it is opened again when it is needed. */
  void giveBack() {
    keeping.lock();
    try (Connection connection = kept) {
      kept = null;
      if (connection != null && !connection.isClosed()) {
        connection.setAutoCommit(keptAutoCommit);
      }
    } catch (SQLException e) {
      log.atDebug().setCause(e).log("connection not returned cleanly");
    } finally {
      keeping.unlock();
    }
  }

  /** One, and since when and for how long it is prepared, by the database's clock. */
  record Found(Gid gid, Instant preparedAt, Duration age) {}

  /** What became of an order to end one. */
  enum End {
    DONE,
    /** It has ended before, or never was. */
    NOT_THERE,
    /** Somebody is ending it just now. */
    BUSY
  }

  String place() {
    return place;
  }

  /** Ends a unit's transaction by preparing it. */
  void prepare(Connection connection, Gid gid) throws SQLException {
    if (kept == null) {
      boolean unused = onKept(one -> true);
    }
    try (Statement statement = connection.createStatement()) {
      statement.execute("PREPARE TRANSACTION " + literal(gid));
    } catch (SQLException e) {
      String advice = advice(e);
      if (advice == null) {
        throw e;
      }
      throw new SQLException(advice, e.getSQLState(), e);
    }
  }

  private @Nullable String advice(SQLException e) {
    if (NOT_NOW.equals(e.getSQLState())) {
      return disabled();
    }
    return NO_ROOM.equals(e.getSQLState())
        ? e.getMessage()
            + ". Raise "
            + SETTING
            + " of the server to more than the most XA branches that are open at once, and restart"
            + " it"
        : null;
  }

  private String disabled() {
    return "the server of service "
        + service
        + " prepares no transactions: its "
        + SETTING
        + " is 0. Set it in postgresql.conf to more than the most XA branches that are open at"
        + " once, and restart the server; or use another kind of branch";
  }

  /**
   * Looks whether the server prepares transactions.
   *
   * @throws GlobalTransactionException if it does not, with the setting's name
   */
  void requireEnabled() throws SQLException {
    if (onKept(PreparedTransactions::places) == 0) {
      throw new GlobalTransactionException(
          "Could not start the XA branches: " + disabled() + ".",
          GlobalTransactionException.Told.UNKNOWN,
          null);
    }
  }

  private static int places(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery("SELECT current_setting('" + SETTING + "')::integer")) {
      row.next();
      return row.getInt(1);
    }
  }

  /** Those whose names begin so. */
  List<Found> find(String beginning) throws SQLException {
    return onKept(connection -> find(connection, beginning));
  }

  /** Those whose names begin so; who needs what was committed with one looks for that after. */
  List<Found> find(Connection connection, String beginning) throws SQLException {
    List<Found> found = new ArrayList<>();
    try (PreparedStatement select = connection.prepareStatement(FIND)) {
      select.setString(1, beginning);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          Duration age = Duration.ofSeconds(row.getLong("seconds"));
          Instant at = row.getObject("prepared", OffsetDateTime.class).toInstant();
          Gid.parse(place, row.getString("gid"))
              .ifPresent(gid -> found.add(new Found(gid, at, age)));
        }
      }
    }
    return found;
  }

  /** Ends one. It may be repeated. */
  End end(Gid gid, Outcome outcome) throws SQLException {
    return onKept(connection -> end(connection, gid, outcome));
  }

  /**
   * Ends one. It may be repeated.
   *
   * @param connection that commits by itself
   */
  End end(Connection connection, Gid gid, Outcome outcome) throws SQLException {
    String verb =
        switch (outcome) {
          case COMMITTED -> "COMMIT PREPARED ";
          case ABORTED -> "ROLLBACK PREPARED ";
        };
    try (Statement statement = connection.createStatement()) {
      statement.execute(verb + literal(gid));
      return End.DONE;
    } catch (SQLException e) {
      if (NOT_THERE.equals(e.getSQLState())) {
        return End.NOT_THERE;
      }
      if (NOT_NOW.equals(e.getSQLState())) {
        return End.BUSY;
      }
      giveBackIfLost(connection);
      throw e;
    }
  }

  private static String literal(Gid gid) {
    return '\'' + gid.text() + '\''; // none of its characters ends or escapes it
  }
}
