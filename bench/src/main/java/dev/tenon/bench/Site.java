package dev.tenon.bench;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresServer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Two fresh databases on the server: the producer's with table {@code orders}, the consumer's with
 * table {@code effect}. Dropped at the end. Thread-safe.
 */
final class Site implements AutoCloseable {
  private static final Duration FILL_MAX = Duration.ofSeconds(30);

  private final PostgresServer server;
  private final Database producer;
  private final Database consumer;

  private Site(PostgresServer server, Database producer, Database consumer) {
    this.server = server;
    this.producer = producer;
    this.consumer = consumer;
  }

  static Site create(PostgresServer server, String name) {
    Site site =
        new Site(server, server.createDatabase(name + "_out"), server.createDatabase(name + "_in"));
    site.execute(
        site.producer,
        "CREATE TABLE orders (id int PRIMARY KEY, customer text NOT NULL, text text NOT NULL)");
    site.execute(
        site.consumer,
        "CREATE TABLE effect (id int PRIMARY KEY, customer text NOT NULL, text text NOT NULL)");
    return site;
  }

  /** A pool on the producer's database; to be closed by the caller. */
  HikariDataSource producerPool(int connections) {
    return pool(producer, connections);
  }

  /** A pool on the consumer's database; to be closed by the caller. */
  HikariDataSource consumerPool(int connections) {
    return pool(consumer, connections);
  }

  /** Round trips to both databases through the pools. */
  long roundTrips() {
    return counter(producer).sum() + counter(consumer).sum();
  }

  int orders() {
    return count(producer, "SELECT count(*) FROM orders");
  }

  int effects() {
    return count(consumer, "SELECT count(*) FROM effect");
  }

  /** Commits in both databases, as the server counts them once sessions have ended. */
  long commits() {
    return count("SELECT sum(xact_commit) FROM pg_stat_database WHERE datname IN (?, ?)");
  }

  /** Waits until no session is left, so that every session has handed in its statistics. */
  void awaitNoSessions() {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (count("SELECT count(*) FROM pg_stat_activity WHERE datname IN (?, ?)") > 0
        && System.nanoTime() < deadline) {
      Pauses.millis(20);
    }
  }

  @Override
  public void close() {
    server.dropDatabase(producer);
    server.dropDatabase(consumer);
    CountingSocketFactory.forget(producer.name());
    CountingSocketFactory.forget(consumer.name());
  }

  private static HikariDataSource pool(Database database, int connections) {
    PGSimpleDataSource driver = new PGSimpleDataSource();
    driver.setURL(database.jdbcUrl());
    driver.setUser(database.user());
    driver.setPassword(database.password());
    driver.setSocketFactory(CountingSocketFactory.class.getName());
    driver.setSocketFactoryArg(database.name());
    HikariConfig config = new HikariConfig();
    config.setDataSource(driver);
    config.setMaximumPoolSize(connections);
    config.setMinimumIdle(connections);
    config.setPoolName(database.name());
    HikariDataSource pool = new HikariDataSource(config);
    fill(pool);
    return pool;
  }

  /** Logging in costs processor time, which must not fall into what is measured. */
  private static void fill(HikariDataSource pool) {
    long deadline = System.nanoTime() + FILL_MAX.toNanos();
    while (pool.getHikariPoolMXBean().getIdleConnections() < pool.getMaximumPoolSize()) {
      if (System.nanoTime() - deadline > 0) {
        pool.close();
        throw new BenchmarkException(
            "Could not open the connections of pool "
                + pool.getPoolName()
                + " within "
                + FILL_MAX.toSeconds()
                + " s. Is the machine too busy?");
      }
      Pauses.millis(5);
    }
  }

  private static LongAdder counter(Database database) {
    return CountingSocketFactory.counter(database.name());
  }

  private void execute(Database database, String sql) {
    try (Connection connection = server.dataSource(database).getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw failed(database, e);
    }
  }

  private int count(Database database, String sql) {
    try (Connection connection = server.dataSource(database).getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      rows.next();
      return rows.getInt(1);
    } catch (SQLException e) {
      throw failed(database, e);
    }
  }

  private long count(String sql) {
    DataSource maintenance = server.superuserDataSource("postgres");
    try (Connection connection = maintenance.getConnection();
        PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, producer.name());
      statement.setString(2, consumer.name());
      try (ResultSet rows = statement.executeQuery()) {
        rows.next();
        return rows.getLong(1);
      }
    } catch (SQLException e) {
      throw failed(producer, e);
    }
  }

  private static BenchmarkException failed(Database database, SQLException e) {
    return new BenchmarkException(
        "Could not use database [name=" + database.name() + "]: " + e.getMessage(), e);
  }
}
