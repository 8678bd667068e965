package dev.tenon.cli;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/**
 * Counts what is under way, by SQL in the services' own databases: messages whose effects are still
 * to come (users that the order service has no copy of yet, and orders that wait for stock or for
 * payment, where either the question or the answer is on its way), and orders of each mode: those
 * that are pending, or for which something is on hold, locked or prepared. Holds a connection to
 * each database. Not thread-safe.
 */
final class InFlight implements AutoCloseable {
  /** In inventory, where mode mixed has no TCC. */
  private static final String HELD =
      "select count(distinct xid) from tenon.branch"
          + " where kind = 'TCC' and state not in ('COMMITTED', 'ABORTED')";

  /** In inventory: mode mixed has AT there too, after a branch that no other mode has. */
  private static final String LOCKED =
      "select count(distinct xid) filter (where kind = 'AT' and not exists (select"
          + " from tenon.branch of_mixed where of_mixed.xid = branch.xid"
          + " and of_mixed.type like '%Delivery')),"
          + " count(distinct xid) filter (where type like '%Delivery')"
          + " from tenon.branch where state not in ('COMMITTED', 'ABORTED')";

  /** In inventory, where mode mixed has no XA. */
  private static final String PREPARED =
      "select count(*) from pg_prepared_xacts where database = current_database()";

  private final Connection users;
  private final Connection orders;
  private final Connection stock;
  private final Connection payment;

  private InFlight(ServiceLogins logins) throws SQLException {
    users = logins.connect("user");
    orders = logins.connect("order");
    stock = logins.connect("inventory");
    payment = logins.connect("payment");
  }

  /**
   * A count.
   *
   * @param users changes of users, not yet copied
   * @param stock questions to the inventory service and their answers
   * @param payment questions to the payment service and their answers
   * @param orders orders under way, by mode; all modes are there
   */
  record Count(long users, long stock, long payment, Map<PlaceMode, Long> orders) {
    Count {
      orders = new EnumMap<>(orders);
    }

    long messages() {
      return users + stock + payment;
    }

    /** Orders of all modes but messages, which are counted by their messages. */
    long transactions() {
      return orders.entrySet().stream()
          .filter(mode -> mode.getKey() != PlaceMode.MESSAGES)
          .mapToLong(Map.Entry::getValue)
          .sum();
    }

    long all() {
      return messages() + transactions();
    }

    /** Messages that a service has sent or is to receive. */
    long of(String service) {
      return switch (service) {
        case "user" -> users;
        case "inventory" -> stock;
        case "payment" -> payment;
        default -> messages();
      };
    }

    /** Whether orders of all these modes are under way. */
    boolean has(Set<PlaceMode> modes) {
      return modes.stream().allMatch(mode -> orders.getOrDefault(mode, 0L) > 0);
    }
  }

  static InFlight over(ServiceLogins logins) {
    try {
      return new InFlight(logins);
    } catch (SQLException e) {
      throw failure(e);
    }
  }

  /** Counts. What is counted as sent is read first, so that the count is never too high. */
  Count count() {
    try {
      long sent = one(users, "select count(*) from users");
      long copied = one(orders, "select count(*) from user_copy");
      long held = one(stock, HELD);
      long prepared = one(stock, PREPARED);
      String waiting =
          "select count(*) filter (where mode = 'messages' and stock = 'WAITING'),"
              + " count(*) filter (where mode = 'messages' and payment = 'WAITING'),"
              + " count(*) filter (where mode = 'messages'),"
              + " count(*) filter (where mode = 'saga') from orders where status = 'PENDING'";
      try (PreparedStatement locking = stock.prepareStatement(LOCKED);
          ResultSet locked = locking.executeQuery();
          PreparedStatement statement = orders.prepareStatement(waiting);
          ResultSet row = statement.executeQuery()) {
        locked.next();
        row.next();
        Map<PlaceMode, Long> byMode =
            Map.of(
                PlaceMode.MESSAGES, row.getLong(3),
                PlaceMode.SAGA, row.getLong(4),
                PlaceMode.TCC, held,
                PlaceMode.AT, locked.getLong(1),
                PlaceMode.XA, prepared,
                PlaceMode.MIXED, locked.getLong(2));
        return new Count(Math.max(0, sent - copied), row.getLong(1), row.getLong(2), byMode);
      }
    } catch (SQLException e) {
      throw failure(e);
    }
  }

  @Override
  public void close() {
    try (users;
        orders;
        stock;
        payment) {
      // All are closed.
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
        "Could not count what is in flight: " + e.getMessage() + ". Is the database up?", e);
  }
}
