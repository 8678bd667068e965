package dev.tenon.cli;

import dev.tenon.cli.Books.Cancellation;
import dev.tenon.cli.Books.Entry;
import dev.tenon.cli.Books.Line;
import dev.tenon.cli.Books.Movement;
import dev.tenon.cli.Books.Order;
import dev.tenon.cli.Books.User;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Reads what the services hold, by plain SQL on their own tables; Tenon's are never looked at. */
final class FoundBooks {
  private static final int ROWS_PER_FETCH = 5000;

  private FoundBooks() {}

  /** What to do with a row. */
  private interface Row {
    void read(ResultSet row) throws SQLException;
  }

  /**
   * Reads all four services.
   *
   * @throws CliException if a database cannot be read
   */
  static Books read(ServiceLogins logins) {
    Map<String, User> users = new HashMap<>();
    each(
        logins,
        "user",
        "select id, name, email from users",
        row -> users.put(row.getString(1), new User(row.getString(2), row.getString(3))));
    Map<String, User> copies = new HashMap<>();
    each(
        logins,
        "order",
        "select id, name, email from user_copy",
        row -> copies.put(row.getString(1), new User(row.getString(2), row.getString(3))));
    return new Books(
        orders(logins),
        cancellations(logins),
        onHand(logins),
        movements(logins),
        ledger(logins),
        users,
        copies);
  }

  private static Map<String, Order> orders(ServiceLogins logins) {
    Map<String, Map<Integer, Line>> lines = new HashMap<>();
    each(
        logins,
        "order",
        "select order_no, line_no, stock_code, quantity, unit_price, status, reason, cancelled"
            + " from order_line",
        row ->
            lines
                .computeIfAbsent(row.getString(1), no -> new HashMap<>())
                .put(
                    row.getInt(2),
                    new Line(
                        row.getString(3),
                        row.getLong(4),
                        Books.money(row.getBigDecimal(5)),
                        row.getString(6),
                        Optional.ofNullable(row.getString(7)),
                        row.getLong(8))));
    Map<String, Order> orders = new HashMap<>();
    each(
        logins,
        "order",
        "select order_no, customer_id, status, reason, amount from orders",
        row ->
            orders.put(
                row.getString(1),
                new Order(
                    Optional.ofNullable(row.getString(2)),
                    row.getString(3),
                    Optional.ofNullable(row.getString(4)),
                    Books.money(row.getBigDecimal(5)),
                    lines.getOrDefault(row.getString(1), Map.of()))));
    return orders;
  }

  private static Map<String, Cancellation> cancellations(ServiceLogins logins) {
    Map<String, Map<Integer, Line>> lines = new HashMap<>();
    BigDecimal none = Books.money(BigDecimal.ZERO);
    each(
        logins,
        "order",
        "select cancellation_no, line_no, stock_code, quantity, status, reason"
            + " from cancellation_line",
        row ->
            lines
                .computeIfAbsent(row.getString(1), no -> new HashMap<>())
                .put(
                    row.getInt(2),
                    new Line(
                        row.getString(3),
                        row.getLong(4),
                        none,
                        row.getString(5),
                        Optional.ofNullable(row.getString(6)),
                        0)));
    Map<String, Cancellation> cancellations = new HashMap<>();
    each(
        logins,
        "order",
        "select cancellation_no, customer_id, status, amount from cancellation",
        row ->
            cancellations.put(
                row.getString(1),
                new Cancellation(
                    Optional.ofNullable(row.getString(2)),
                    row.getString(3),
                    Books.money(row.getBigDecimal(4)),
                    lines.getOrDefault(row.getString(1), Map.of()))));
    return cancellations;
  }

  private static Map<String, Long> onHand(ServiceLogins logins) {
    Map<String, Long> onHand = new HashMap<>();
    each(
        logins,
        "inventory",
        "select stock_code, on_hand from stock",
        row -> onHand.put(row.getString(1), row.getLong(2)));
    return onHand;
  }

  private static Map<Movement, Long> movements(ServiceLogins logins) {
    Map<Movement, Long> movements = new HashMap<>();
    each(
        logins,
        "inventory",
        "select reference, kind, stock_code, quantity from stock_movement where kind <> 'OPENING'",
        row ->
            movements.merge(
                new Movement(row.getString(1), row.getString(2), row.getString(3)),
                row.getLong(4),
                Long::sum));
    return movements;
  }

  private static Map<Entry, BigDecimal> ledger(ServiceLogins logins) {
    Map<Entry, BigDecimal> ledger = new HashMap<>();
    each(
        logins,
        "payment",
        "select reference, kind, amount from ledger",
        row ->
            ledger.merge(
                new Entry(row.getString(1), row.getString(2)),
                Books.money(row.getBigDecimal(3)),
                (one, other) -> Books.money(one.add(other))));
    return ledger;
  }

  private static void each(ServiceLogins logins, String service, String sql, Row read) {
    try (Connection connection = logins.connect(service)) {
      connection.setAutoCommit(false);
      connection.setReadOnly(true);
      try (PreparedStatement statement = connection.prepareStatement(sql)) {
        statement.setFetchSize(ROWS_PER_FETCH);
        try (ResultSet row = statement.executeQuery()) {
          while (row.next()) {
            read.read(row);
          }
        }
      }
      connection.rollback();
    } catch (SQLException e) {
      throw new CliException(
          "Could not read the data of a service [service=%s]: %s. Is its database up?"
              .formatted(service, e.getMessage()),
          e);
    }
  }
}
