package dev.tenon.bench;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;

/** The rows that every contender writes, by the same statements. */
final class BusinessTables {
  private static final String ORDER = "INSERT INTO orders (id, customer, text) VALUES (?, ?, ?)";
  private static final String EFFECT = "INSERT INTO effect (id, customer, text) VALUES (?, ?, ?)";
  private static final String EFFECT_ONCE = EFFECT + " ON CONFLICT (id) DO NOTHING";

  private BusinessTables() {}

  /** Inserts the business row of a producer. */
  static void insertOrder(Connection connection, Order order) {
    insert(connection, ORDER, order);
  }

  /** Inserts the effect, of a message that comes once. */
  static void insertEffect(Connection connection, Order order) {
    insert(connection, EFFECT, order);
  }

  /** Inserts effects in one batch, of messages that come once. */
  static void insertEffects(Connection connection, List<Order> orders) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(EFFECT)) {
      for (Order order : orders) {
        bind(statement, order);
        statement.addBatch();
      }
      statement.executeBatch();
    }
  }

  /** Inserts and commits the effect of a message that may come twice. */
  static void applyOnce(DataSource consumer, Order order) {
    try (Connection connection = consumer.getConnection()) {
      insert(connection, EFFECT_ONCE, order);
    } catch (SQLException e) {
      throw failed(order, e);
    }
  }

  private static void insert(Connection connection, String sql, Order order) {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      bind(statement, order);
      statement.executeUpdate();
    } catch (SQLException e) {
      throw failed(order, e);
    }
  }

  private static void bind(PreparedStatement statement, Order order) throws SQLException {
    statement.setInt(1, order.id());
    statement.setString(2, order.customer());
    statement.setString(3, order.text());
  }

  private static BenchmarkException failed(Order order, SQLException e) {
    return new BenchmarkException(
        "Could not insert the row [order=" + order.id() + "]: " + e.getMessage(), e);
  }
}
