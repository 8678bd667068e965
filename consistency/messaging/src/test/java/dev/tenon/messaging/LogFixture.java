package dev.tenon.messaging;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.transaction.spi.TenonTables;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.slf4j.LoggerFactory;

/** A service's log without anything around it. */
final class LogFixture implements AutoCloseable {
  final HikariDataSource dataSource;
  final SnapshotWindowLog log;
  private final TenonTables tables = new TenonTables("tenon");
  final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  final SubscriberStore subscribers;

  LogFixture(Database database) {
    this(database, 16);
  }

  LogFixture(Database database, int connections) {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.jdbcUrl());
    config.setUsername(database.user());
    config.setPassword(database.password());
    config.setMaximumPoolSize(connections);
    config.setConnectionTimeout(10_000);
    // What it says of lost connections is no news in a test.
    ((Logger) LoggerFactory.getLogger("com.zaxxer.hikari")).setLevel(Level.OFF);
    dataSource = new HikariDataSource(config);
    ServiceDatabase.builder("order", dataSource).open();
    log = new SnapshotWindowLog(dataSource, tables, IdGenerator.system());
    subscribers = new SubscriberStore(dataSource, tables, 100);
  }

  LogKeeper keeper(MessagingConfig config) {
    return new LogKeeper(dataSource, tables, config, new MessagingMetrics(meters));
  }

  static MessagingConfig smallPartitions(int rows) {
    return MessagingConfig.defaults().partitionRows(rows).retention(Duration.ZERO);
  }

  /** A transaction that is open until it is ended by its connection. */
  Connection begin() throws SQLException {
    Connection connection = dataSource.getConnection();
    connection.setAutoCommit(false);
    return connection;
  }

  void append(Connection connection, String... texts) throws SQLException {
    List<OutboxLog.NewMessage> messages = new ArrayList<>();
    for (String text : texts) {
      messages.add(
          new OutboxLog.NewMessage(
              IdGenerator.system().next(),
              "topic",
              Optional.of("key"),
              1,
              "{}",
              text.getBytes(StandardCharsets.UTF_8)));
    }
    log.append(connection, messages);
  }

  void append(String... texts) throws SQLException {
    try (Connection connection = begin()) {
      append(connection, texts);
      connection.commit();
    }
  }

  /** Messages {@code from} to {@code to - 1} in one transaction, named by their numbers. */
  void append(int from, int to) throws SQLException {
    append(IntStream.range(from, to).mapToObj(Integer::toString).toArray(String[]::new));
  }

  /** What is read on from a position to the end, and where that is. */
  record Piece(List<String> texts, Cursor end, long scanned) {}

  Piece read(Cursor after) throws SQLException {
    return read(after, 1_000_000, Long.MAX_VALUE);
  }

  Piece read(Cursor after, int messagesMax, long bytesMax) throws SQLException {
    List<String> texts = new ArrayList<>();
    Cursor position = after;
    long scanned = 0;
    while (true) {
      OutboxLog.Chunk chunk = log.read(position, messagesMax, bytesMax);
      for (OutboxLog.Row row : chunk.rows()) {
        texts.add(new String(row.message().payload(), StandardCharsets.UTF_8));
      }
      scanned += chunk.scanned();
      if (chunk.end().equals(position)) {
        return new Piece(texts, position, scanned);
      }
      position = chunk.end();
    }
  }

  /** Reports the position of a subscriber with one slot. */
  void report(String subscriber, Cursor cursor) throws SQLException {
    subscribers.report(
        new FeedReport("order", subscriber, "default", new FeedRequest.Slot(0, 1), cursor));
  }

  long number(String sql) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        var statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getLong(1);
    }
  }

  void execute(String sql) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  long partitions() throws SQLException {
    return number(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'tenon.outbox'::regclass"
            + " AND inhrelid <> 'tenon.outbox_rest'::regclass");
  }

  @Override
  public void close() {
    dataSource.close();
  }
}
