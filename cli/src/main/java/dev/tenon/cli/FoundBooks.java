package dev.tenon.cli;

import dev.tenon.cli.Books.Cancellation;
import dev.tenon.cli.Books.Entry;
import dev.tenon.cli.Books.Line;
import dev.tenon.cli.Books.Movement;
import dev.tenon.cli.Books.Order;
import dev.tenon.cli.Books.User;
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

  /** What a row says. */
  private interface Part<T> {
    T of(ResultSet row) throws SQLException;
  }

  /**
   * Reads all four services.
   *
   * @throws CliException if a database cannot be read
   */
  static Books read(ServiceLogins logins) {
    Part<User> user = row -> new User(row.getString(2), row.getString(3));
    return new Books(
        orders(logins),
        cancellations(logins),
        map(
            logins,
            "inventory",
            "select stock_code, on_hand from stock",
            row -> row.getString(1),
            row -> row.getLong(2)),
        map(
            logins,
            "inventory",
            "select reference, kind, stock_code, sum(quantity) from stock_movement"
                + " where kind <> 'OPENING' group by reference, kind, stock_code",
            row -> new Movement(row.getString(1), row.getString(2), row.getString(3)),
            row -> row.getLong(4)),
        map(
            logins,
            "payment",
            "select reference, kind, sum(amount) from ledger group by reference, kind",
            row -> new Entry(row.getString(1), row.getString(2)),
            row -> Books.money(row.getBigDecimal(3))),
        map(logins, "user", "select id, name, email from users", row -> row.getString(1), user),
        map(
            logins,
            "order",
            "select id, name, email from user_copy",
            row -> row.getString(1),
            user));
  }

  private static Map<String, Order> orders(ServiceLogins logins) {
    Map<String, Map<Integer, Line>> lines =
        lines(
            logins,
            "select order_no, line_no, stock_code, quantity, unit_price, status, reason, cancelled"
                + " from order_line");
    return map(
        logins,
        "order",
        "select order_no, customer_id, status, reason, amount from orders",
        row -> row.getString(1),
        row ->
            new Order(
                Optional.ofNullable(row.getString(2)),
                row.getString(3),
                Optional.ofNullable(row.getString(4)),
                Books.money(row.getBigDecimal(5)),
                lines.getOrDefault(row.getString(1), Map.of())));
  }

  private static Map<String, Cancellation> cancellations(ServiceLogins logins) {
    Map<String, Map<Integer, Line>> lines =
        lines(
            logins,
            "select cancellation_no, line_no, stock_code, quantity, 0, status, reason, 0"
                + " from cancellation_line");
    return map(
        logins,
        "order",
        "select cancellation_no, customer_id, status, amount from cancellation",
        row -> row.getString(1),
        row ->
            new Cancellation(
                Optional.ofNullable(row.getString(2)),
                row.getString(3),
                Books.money(row.getBigDecimal(4)),
                lines.getOrDefault(row.getString(1), Map.of())));
  }

  /** By the number of what they belong to, and their own. */
  private static Map<String, Map<Integer, Line>> lines(ServiceLogins logins, String sql) {
    Map<String, Map<Integer, Line>> lines = new HashMap<>();
    each(
        logins,
        "order",
        sql,
        row ->
            lines
                .computeIfAbsent(row.getString(1), number -> new HashMap<>())
                .put(
                    row.getInt(2),
                    new Line(
                        row.getString(3),
                        row.getLong(4),
                        Books.money(row.getBigDecimal(5)),
                        row.getString(6),
                        Optional.ofNullable(row.getString(7)),
                        row.getLong(8))));
    return lines;
  }

  private static <K, V> Map<K, V> map(
      ServiceLogins logins, String service, String sql, Part<K> key, Part<V> value) {
    Map<K, V> map = new HashMap<>();
    each(logins, service, sql, row -> map.put(key.of(row), value.of(row)));
    return map;
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
