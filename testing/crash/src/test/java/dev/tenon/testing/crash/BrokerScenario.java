package dev.tenon.testing.crash;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Optional;
import javax.sql.DataSource;

/** The stock service takes messages from a broker and acknowledges them. */
final class BrokerScenario extends TwoServices {
  private final Consumer consumer;

  BrokerScenario(DataSource orderDatabase, DataSource stockDatabase, Consumer consumer) {
    super(orderDatabase, stockDatabase);
    this.consumer = consumer;
  }

  /** How a message is handled. */
  @FunctionalInterface
  interface Consumer {
    void consume(DataSource stock, Ordered message, Broker broker) throws SQLException;
  }

  /** A broker that gives out a message until it is acknowledged. It does not crash. */
  interface Broker {
    Optional<Ordered> next() throws SQLException;

    void acknowledge(long seq) throws SQLException;
  }

  /** Acknowledged after the commit, and remembered in the commit. */
  static void correctly(DataSource stock, Ordered message, Broker broker) throws SQLException {
    try (Connection connection = stock.getConnection()) {
      connection.setAutoCommit(false);
      String sql = "insert into inbox values (?) on conflict do nothing";
      if (update(connection, sql, message.seq()) == 1) {
        sell(connection, message);
      }
      connection.commit();
    }
    broker.acknowledge(message.seq());
  }

  /** Acknowledged before the commit. */
  static void withAcknowledgementBeforeCommit(DataSource stock, Ordered message, Broker broker)
      throws SQLException {
    try (Connection connection = stock.getConnection()) {
      connection.setAutoCommit(false);
      update(connection, "insert into inbox values (?)", message.seq());
      sell(connection, message);
      broker.acknowledge(message.seq());
      connection.commit();
    }
  }

  /** Acknowledged after the commit, and not remembered. */
  static void withoutInbox(DataSource stock, Ordered message, Broker broker) throws SQLException {
    try (Connection connection = stock.getConnection()) {
      connection.setAutoCommit(false);
      sell(connection, message);
      connection.commit();
    }
    broker.acknowledge(message.seq());
  }

  @Override
  void deliver(World world) throws SQLException {
    DataSource stock = world.dataSource("stock", stockDatabase);
    Broker broker =
        world.sends(
            "stock",
            Broker.class,
            new TableBroker(orderDatabase),
            SendRules.defaults().failingWith(SQLException::new));
    Optional<Ordered> message = broker.next();
    while (message.isPresent()) {
      consumer.consume(stock, message.get(), broker);
      message = broker.next();
    }
  }

  private record TableBroker(DataSource database) implements Broker {
    @Override
    public Optional<Ordered> next() throws SQLException {
      return unacknowledged(database);
    }

    @Override
    public void acknowledge(long seq) throws SQLException {
      try (Connection connection = database.getConnection()) {
        update(connection, "update outbox set acknowledged = true where seq = ?", seq);
      }
    }
  }
}
