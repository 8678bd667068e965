package dev.tenon.testing.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;

/**
 * An order service that writes orders and their messages in one commit, and a stock service that
 * counts what was sold. How the messages get there is what each scenario does rightly or wrongly.
 */
abstract class TwoServices implements Scenario {
  private static final int ORDERS = 3;

  final DataSource orderDatabase;
  final DataSource stockDatabase;

  TwoServices(DataSource orderDatabase, DataSource stockDatabase) {
    this.orderDatabase = orderDatabase;
    this.stockDatabase = stockDatabase;
  }

  static void createTables(DataSource orderDatabase, DataSource stockDatabase) throws SQLException {
    execute(
        orderDatabase,
        "create table orders (id int primary key, quantity int not null)",
        "create table outbox (seq bigint generated always as identity primary key,"
            + " quantity int not null, acknowledged boolean not null default false)");
    execute(
        stockDatabase,
        "create table stock (sold int not null)",
        "create table progress (seq bigint not null)",
        "create table inbox (seq bigint primary key)");
  }

  /** A message: so many were ordered. */
  record Ordered(long seq, int quantity) {}

  /** Delivers everything there is to the stock service. */
  abstract void deliver(World world) throws Exception;

  @Override
  public void reset() throws SQLException {
    execute(orderDatabase, "truncate orders, outbox restart identity");
    execute(
        stockDatabase,
        "truncate stock, progress, inbox",
        "insert into stock values (0)",
        "insert into progress values (0)");
  }

  @Override
  public void run(World world) throws Exception {
    DataSource orders = world.dataSource("order", orderDatabase);
    for (int id = 1; id <= ORDERS; id++) {
      place(orders, id, 10 * id);
    }
    deliver(world);
  }

  @Override
  public void recover(World world) throws Exception {
    deliver(world);
  }

  @Override
  public void check() throws SQLException {
    assertThat(number(stockDatabase, "select sold from stock"))
        .as("sold")
        .isEqualTo(number(orderDatabase, "select coalesce(sum(quantity), 0) from orders"));
  }

  private static void place(DataSource orders, int id, int quantity) throws SQLException {
    try (Connection connection = orders.getConnection()) {
      connection.setAutoCommit(false);
      update(connection, "insert into orders values (?, ?)", id, quantity);
      update(connection, "insert into outbox (quantity) values (?)", quantity);
      connection.commit();
    }
  }

  static List<Ordered> after(DataSource orders, long seq) throws SQLException {
    return query(orders, "select seq, quantity from outbox where seq > ? order by seq", seq);
  }

  static Optional<Ordered> unacknowledged(DataSource orders) throws SQLException {
    return query(
            orders,
            "select seq, quantity from outbox where not acknowledged and seq > ? order by seq",
            0)
        .stream()
        .findFirst();
  }

  static void sell(Connection connection, Ordered message) throws SQLException {
    update(connection, "update stock set sold = sold + ?", message.quantity());
  }

  static void advance(Connection connection, Ordered message) throws SQLException {
    update(connection, "update progress set seq = ?", message.seq());
  }

  static int update(Connection connection, String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        statement.setObject(i + 1, values[i]);
      }
      return statement.executeUpdate();
    }
  }

  static long number(DataSource database, String sql) throws SQLException {
    try (Connection connection = database.getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      rows.next();
      return rows.getLong(1);
    }
  }

  static void execute(DataSource database, String... statements) throws SQLException {
    try (Connection connection = database.getConnection();
        Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  private static List<Ordered> query(DataSource orders, String sql, long after)
      throws SQLException {
    try (Connection connection = orders.getConnection();
        PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, after);
      List<Ordered> messages = new ArrayList<>();
      try (ResultSet rows = statement.executeQuery()) {
        while (rows.next()) {
          messages.add(new Ordered(rows.getLong(1), rows.getInt(2)));
        }
      }
      return messages;
    }
  }
}
