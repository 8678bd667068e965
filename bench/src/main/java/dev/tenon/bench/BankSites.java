package dev.tenon.bench;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresServer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import javax.sql.DataSource;

/** Makes the databases of peers, and checks what they have left there. */
final class BankSites {
  private static final Duration CLEANING_MAX = Duration.ofSeconds(30);
  private static final long BALANCE = 1_000_000;

  private final PostgresServer server;

  BankSites(PostgresServer server) {
    this.server = server;
  }

  /** A server that makes every commit durable, with room for all peers at once. */
  static PostgresServer server() {
    return PostgresServer.builder()
        .durable()
        .setting("shared_buffers", "512MB")
        .setting("max_wal_size", "4GB")
        .setting("max_connections", "1500")
        .setting("max_prepared_transactions", "4000")
        .setting("autovacuum_naptime", "5s")
        .start();
  }

  /** Databases with accounts for one peer; also with what Seata wants there. */
  BankSite create(String name, boolean seata, int coordinator) {
    return new BankSite(
        accounts(name + "_first", seata),
        accounts(name + "_second", seata),
        own(name),
        coordinator);
  }

  private BankDatabase accounts(String name, boolean seata) {
    Database database = server.createDatabase(name);
    execute(database, Accounts.TABLE);
    execute(database, Accounts.FILL);
    if (seata) {
      execute(database, script("seata-undo.sql"));
    }
    return of(database);
  }

  private BankDatabase own(String name) {
    return of(server.createDatabase(name + "_own"));
  }

  /** The database of a coordinator. */
  BankDatabase store(String name) {
    Database database = server.createDatabase(name);
    execute(database, script("seata-store.sql"));
    return of(database);
  }

  private static BankDatabase of(Database database) {
    return new BankDatabase(database.jdbcUrl(), database.user(), database.password());
  }

  /**
   * Checks that every transfer was made once, and nothing is held.
   *
   * @throws BenchmarkException if not
   */
  void check(BankPeer peer, String name, long transfers) {
    long first = number(name + "_first", "SELECT sum(balance) FROM account");
    long second = number(name + "_second", "SELECT sum(balance) FROM account");
    long all = Accounts.COUNT * BALANCE;
    same(peer, "given", transfers, second - all);
    same(peer, "taken", transfers, all - first);
    for (String place : List.of("_first", "_second")) {
      same(peer, "held", 0, number(name + place, "SELECT sum(abs(held)) FROM account"));
      if (peer.libraries().equals("seata")) {
        eventuallyNone(peer, name + place, "SELECT count(*) FROM undo_log");
      }
    }
    eventuallyNone(peer, "postgres", "SELECT count(*) FROM pg_prepared_xacts");
  }

  /** Checks that a coordinator holds no row; its records of transactions may go later. */
  void checkStore(BankPeer peer, String store) {
    eventuallyNone(peer, store, "SELECT count(*) FROM lock_table");
  }

  private void eventuallyNone(BankPeer peer, String database, String count) {
    long deadline = System.nanoTime() + CLEANING_MAX.toNanos();
    while (number(database, count) > 0 && System.nanoTime() < deadline) {
      Pauses.millis(50);
    }
    same(peer, count, 0, number(database, count));
  }

  private static void same(BankPeer peer, String what, long expected, long found) {
    if (expected != found) {
      throw new BenchmarkException(
          what + ": " + found + " (expected: " + expected + ", by " + peer.name() + ")");
    }
  }

  private static String script(String name) {
    try (InputStream script = BankSites.class.getResourceAsStream(name)) {
      if (script == null) {
        throw new BenchmarkException("Could not find the resource " + name + ".");
      }
      return new String(script.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new BenchmarkException("Could not read " + name + ": " + e.getMessage(), e);
    }
  }

  private void execute(Database database, String sql) {
    try (Connection connection = server.dataSource(database).getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new BenchmarkException("Could not set up " + database + ": " + e.getMessage(), e);
    }
  }

  private long number(String database, String sql) {
    DataSource source = server.superuserDataSource(database);
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      rows.next();
      return rows.getLong(1);
    } catch (SQLException e) {
      throw new BenchmarkException("Could not check " + database + ": " + e.getMessage(), e);
    }
  }
}
