package dev.tenon.testing.crash;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;

/** The stock service reads the order service's messages after a cursor of its own. */
final class FeedScenario extends TwoServices {
  private final Consumer consumer;

  FeedScenario(DataSource orderDatabase, DataSource stockDatabase, Consumer consumer) {
    super(orderDatabase, stockDatabase);
    this.consumer = consumer;
  }

  /** How a message is handled. */
  @FunctionalInterface
  interface Consumer {
    void consume(DataSource stock, Ordered message) throws SQLException;
  }

  /** What the stock service asks the order service. */
  @FunctionalInterface
  interface Feed {
    List<Ordered> after(long seq) throws SQLException;
  }

  /** Effect and cursor in one commit. */
  static void correctly(DataSource stock, Ordered message) throws SQLException {
    try (Connection connection = stock.getConnection()) {
      connection.setAutoCommit(false);
      sell(connection, message);
      advance(connection, message);
      connection.commit();
    }
  }

  /** The effect goes through a connection that knows nothing of the transaction. */
  static void withEffectOutsideTheTransaction(DataSource stock, Ordered message)
      throws SQLException {
    try (Connection connection = stock.getConnection();
        Connection other = stock.getConnection()) {
      connection.setAutoCommit(false);
      sell(other, message);
      advance(connection, message);
      connection.commit();
    }
  }

  /** The cursor is committed before the effect. */
  static void withCursorBeforeEffect(DataSource stock, Ordered message) throws SQLException {
    try (Connection connection = stock.getConnection()) {
      connection.setAutoCommit(false);
      advance(connection, message);
      connection.commit();
      sell(connection, message);
      connection.commit();
    }
  }

  @Override
  void deliver(World world) throws SQLException {
    DataSource orders = world.dataSource("order", orderDatabase);
    DataSource stock = world.dataSource("stock", stockDatabase);
    Feed feed = world.sends("stock", Feed.class, seq -> after(orders, seq));
    for (Ordered message : feed.after(number(stock, "select seq from progress"))) {
      consumer.consume(stock, message);
    }
  }
}
