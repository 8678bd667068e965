package dev.tenon.cli;

import dev.tenon.cli.Books.Cancellation;
import dev.tenon.cli.Books.Entry;
import dev.tenon.cli.Books.Flaw;
import dev.tenon.cli.Books.FlawKind;
import dev.tenon.cli.Books.Line;
import dev.tenon.cli.Books.Movement;
import dev.tenon.cli.Books.Order;
import dev.tenon.cli.Books.User;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads what the services hold, by plain SQL on their own tables. Tenon's tables are only asked
 * whether anything is open; what is right is never taken from them.
 */
final class FoundBooks {
  private static final int ROWS_PER_FETCH = 5000;

  /** What to look for in a service's database: rows of mode, what it is, and how it stands. */
  private record Search(FlawKind kind, String service, String sql) {}

  /** What to look for in the database of any service: the same, but whose it is. */
  private record CommonSearch(FlawKind kind, String sql) {
    Search in(String service) {
      return new Search(kind, service, sql);
    }
  }

  private static final List<CommonSearch> COMMON_FLAWS =
      List.of(
          new CommonSearch(
              FlawKind.OPEN,
              "select lower(kind), 'branch ' || step || ' of ' || xid,"
                  + " state || coalesce(': ' || error, '')"
                  + " from tenon.branch where state not in ('COMMITTED', 'ABORTED')"),
          new CommonSearch(
              FlawKind.LOCK,
              "select 'at', 'lock in ' || place::regclass::text || ' by ' || xid, kind::text || ' '"
                  + " || hash from tenon.row_lock"),
          new CommonSearch(
              FlawKind.IMAGE,
              "select 'at', 'image of a row of ' || rel::text, 'branch ' || branch"
                  + " from tenon.row_image"),
          new CommonSearch(
              FlawKind.PREPARED,
              "select 'xa', 'prepared transaction ' || gid, 'since ' || prepared"
                  + " from pg_prepared_xacts where database = current_database()"));

  private static final List<Search> FLAWS =
      List.of(
          new Search(
              FlawKind.HOLD,
              "inventory",
              "select 'tcc', 'hold of ' || stock_code || ' for order ' || order_no, quantity::text"
                  + " from stock_hold"),
          new Search(
              FlawKind.HOLD,
              "inventory",
              "select 'tcc', 'pieces held of ' || stock_code || ' by nobody', held::text"
                  + " from stock where held <> (select coalesce(sum(quantity), 0)"
                  + " from stock_hold hold where hold.stock_code = stock.stock_code)"),
          new Search(
              FlawKind.HOLD,
              "payment",
              "select 'tcc', 'hold of money for order ' || order_no, amount::text from money_hold"),
          new Search(
              FlawKind.NEGATIVE,
              "inventory",
              "select null, 'lowest stock of ' || stock_code, min(level)::text from (select"
                  + " stock_code, sum(quantity) over (partition by stock_code order by id) as level"
                  + " from stock_movement) levels group by stock_code having min(level) < 0"),
          new Search(
              FlawKind.MESSAGES,
              "order",
              "select mode, 'messages about order ' || order_no || ', which is ' || status,"
                  + " 'stock ' || stock || ', payment ' || payment from orders"
                  + " where mode in ('at', 'xa', 'mixed') and ((status = 'CONFIRMED')"
                  + " <> (stock = 'DONE') or (status = 'CONFIRMED') <> (payment = 'DONE'))"),
          new Search(
              FlawKind.OPEN,
              "order",
              "select case when exists (select from tenon.saga where saga.xid = decision.xid)"
                  + " then 'saga' end, 'decision of ' || xid,"
                  + " outcome || ', not all participants know' || coalesce(': ' || problem, '')"
                  + " from tenon.global_decision decision where acknowledged_at is null"),
          new Search(
              FlawKind.OPEN,
              "order",
              "select 'saga', 'saga of order ' || id, state || coalesce(': ' || error, '')"
                  + " from tenon.saga where state not in ('DONE', 'ABORTED')"));

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
        map(
            logins,
            "inventory",
            "select order_no, count(*) from delivery group by order_no",
            row -> row.getString(1),
            row -> row.getLong(2)),
        map(logins, "user", "select id, name, email from users", row -> row.getString(1), user),
        map(
            logins,
            "order",
            "select id, name, email from user_copy",
            row -> row.getString(1),
            user),
        flaws(logins));
  }

  private static List<Flaw> flaws(ServiceLogins logins) {
    List<Search> searches = new ArrayList<>(FLAWS);
    for (String service : DemoHome.SERVICES) {
      COMMON_FLAWS.forEach(one -> searches.add(one.in(service)));
    }
    List<Flaw> found = new ArrayList<>();
    for (Search search : searches) {
      each(
          logins,
          search.service,
          search.sql,
          row ->
              found.add(
                  new Flaw(
                      search.kind,
                      Optional.ofNullable(row.getString(1)).map(PlaceMode::of),
                      search.service + ": " + row.getString(2),
                      row.getString(3))));
    }
    return found;
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
        "select order_no, customer_id, status, reason, amount, mode from orders",
        row -> row.getString(1),
        row ->
            new Order(
                PlaceMode.of(row.getString(6)),
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
