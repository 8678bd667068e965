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
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The prepared transactions of a service in one database. They are ended outside of transactions,
 * as the database demands. Thread-safe.
 */
final class PreparedTransactions {
  private static final String NOT_THERE = "42704";
  private static final String NOT_NOW = "55000";
  private static final String NO_ROOM = "53200";
  private static final String SETTING = "max_prepared_transactions";

  private static final String FIND =
      "SELECT gid, prepared, extract(epoch FROM clock_timestamp() - prepared)::bigint AS seconds"
          + " FROM pg_prepared_xacts"
          + " WHERE database = current_database() AND starts_with(gid, ?) ORDER BY prepared";

  private final DataSource dataSource;
  private final String service;
  private final String place;

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
    try (Connection connection = dataSource.getConnection();
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery("SELECT current_setting('" + SETTING + "')::integer")) {
      row.next();
      if (row.getInt(1) == 0) {
        throw new GlobalTransactionException(
            "Could not start the XA branches: " + disabled() + ".",
            GlobalTransactionException.Told.UNKNOWN,
            null);
      }
    }
  }

  /** Those whose names begin so. */
  List<Found> find(String beginning) throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      return find(connection, beginning);
    }
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
    String verb =
        switch (outcome) {
          case COMMITTED -> "COMMIT PREPARED ";
          case ABORTED -> "ROLLBACK PREPARED ";
        };
    try (Connection connection = dataSource.getConnection()) {
      boolean autoCommit = connection.getAutoCommit();
      connection.setAutoCommit(true);
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
        throw e;
      } finally {
        connection.setAutoCommit(autoCommit);
      }
    }
  }

  private static String literal(Gid gid) {
    return '\'' + gid.text() + '\''; // none of its characters ends or escapes it
  }
}
