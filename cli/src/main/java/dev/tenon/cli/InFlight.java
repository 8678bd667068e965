package dev.tenon.cli;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/**
 * Counts messages whose effects are still to come, by SQL on the services' own tables: users that
 * the order service has no copy of yet, and orders that wait for stock or for payment, where either
 * the question or the answer is on its way. Holds two connections. Not thread-safe.
 */
final class InFlight implements AutoCloseable {
  private final Connection users;
  private final Connection orders;

  private InFlight(Connection users, Connection orders) {
    this.users = users;
    this.orders = orders;
  }

  /**
   * A count.
   *
   * @param users changes of users, not yet copied
   * @param stock questions to the inventory service and their answers
   * @param payment questions to the payment service and their answers
   */
  record Count(long users, long stock, long payment) {

    long all() {
      return users + stock + payment;
    }

    /** Those that a service has sent or is to receive. */
    long of(String service) {
      return switch (service) {
        case "user" -> users;
        case "inventory" -> stock;
        case "payment" -> payment;
        default -> all();
      };
    }
  }

  static InFlight over(ServiceLogins logins) {
    try {
      return new InFlight(logins.connect("user"), logins.connect("order"));
    } catch (SQLException e) {
      throw failure(e);
    }
  }

  /** Counts. What is counted as sent is read first, so that the count is never too high. */
  Count count() {
    try {
      long sent = one(users, "select count(*) from users");
      long copied = one(orders, "select count(*) from user_copy");
      String waiting =
          "select count(*) filter (where stock = 'WAITING'),"
              + " count(*) filter (where payment = 'WAITING') from orders where status = 'PENDING'";
      try (PreparedStatement statement = orders.prepareStatement(waiting);
          ResultSet row = statement.executeQuery()) {
        row.next();
        return new Count(Math.max(0, sent - copied), row.getLong(1), row.getLong(2));
      }
    } catch (SQLException e) {
      throw failure(e);
    }
  }

  @Override
  public void close() {
    try (users;
        orders) {
      // Both are closed.
    } catch (SQLException e) {
      throw failure(e);
    }
  }

  private static long one(Connection connection, String sql) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql);
        ResultSet row = statement.executeQuery()) {
      row.next();
      return row.getLong(1);
    }
  }

  private static CliException failure(SQLException e) {
    return new CliException(
        "Could not count messages in flight: " + e.getMessage() + ". Is the database up?", e);
  }
}
