package dev.tenon.bench;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import javax.sql.DataSource;

/** The statements that every peer runs on table {@code account}: one row each. */
final class Accounts {
  /** Each client has accounts of its own, used in turn. */
  static final int PER_CLIENT = 500;

  static final int COUNT = BankSite.CONNECTIONS * PER_CLIENT;

  static final String TABLE =
      "CREATE TABLE account (id int PRIMARY KEY, balance bigint NOT NULL, held bigint NOT NULL)";
  static final String FILL =
      "INSERT INTO account SELECT id, 1000000, 0 FROM generate_series(0, " + (COUNT - 1) + ") id";

  private static final String ADD = "UPDATE account SET balance = balance + ? WHERE id = ?";
  private static final String HOLD = "UPDATE account SET held = held + ? WHERE id = ?";
  private static final String CONFIRM =
      "UPDATE account SET balance = balance + ?, held = held - ? WHERE id = ?";

  private Accounts() {}

  /** Changes a balance. */
  static void add(Connection connection, int account, int amount) throws SQLException {
    update(connection, ADD, amount, account);
  }

  /** A try: announces a change. */
  static void hold(Connection connection, int account, int amount) throws SQLException {
    update(connection, HOLD, amount, account);
  }

  /** Makes it. */
  static void confirm(Connection connection, int account, int amount) throws SQLException {
    update(connection, CONFIRM, amount, amount, account);
  }

  /** Takes it back. */
  static void cancel(Connection connection, int account, int amount) throws SQLException {
    hold(connection, account, -amount);
  }

  /** One of these in a local transaction of its own. */
  static void commit(DataSource database, Change change, int account, int amount)
      throws SQLException {
    try (Connection connection = database.getConnection()) {
      connection.setAutoCommit(false);
      try {
        change.run(connection, account, amount);
        connection.commit();
      } catch (SQLException e) {
        connection.rollback();
        throw e;
      }
    }
  }

  /** A change of one row. */
  @FunctionalInterface
  interface Change {
    void run(Connection connection, int account, int amount) throws SQLException;
  }

  private static void update(Connection connection, String sql, int... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        statement.setInt(i + 1, values[i]);
      }
      if (statement.executeUpdate() != 1) {
        throw new SQLException("No account has the id " + values[values.length - 1] + ".");
      }
    }
  }
}
