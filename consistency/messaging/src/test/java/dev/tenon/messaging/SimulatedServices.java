package dev.tenon.messaging;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.messaging.spi.FeedTransport;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.schema.Dialect;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.crash.PostgresReset;
import dev.tenon.testing.crash.SendRules;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.Transactions;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import javax.sql.DataSource;

/**
 * Services of a crash scenario: their databases outlive a crash, their messaging does not. Time is
 * the scenario's own, but for leases, which are taken to have lapsed whenever services are built.
 */
final class SimulatedServices implements AutoCloseable {
  private static final SendRules FEEDS =
      SendRules.defaults()
          .alsoResults(FeedStream.class)
          .notSends("close")
          .polls("next")
          .failingWith(message -> new FeedException(FeedException.Reason.UNREACHABLE, message));
  private static final int FAILURES_MAX = 20;

  private final PostgresExtension postgres;
  private final Map<String, Store> stores = new LinkedHashMap<>();
  private Instant now = Instant.EPOCH;

  /** A service's database. */
  private record Store(
      DataSource dataSource, HikariDataSource superuser, Dialect dialect, Reset reset) {}

  /** What brings a database back, once it is known how it starts. */
  private static final class Reset {
    private PostgresReset start;
  }

  /** How a service is configured, each time it is built. */
  @FunctionalInterface
  interface Configuration {
    Messaging.Builder apply(Messaging.Builder builder, Supplier<Messaging> self);
  }

  /** What a service does on behalf of a client. */
  @FunctionalInterface
  interface Work {
    void on(Transactions transactions, Messaging messaging) throws Exception;
  }

  /** A service in a world: it is built again when it dies alone. */
  final class Service {
    private final World world;
    private final InProcessTransport network;
    private final String name;
    private final Configuration configuration;
    private Transactions transactions;
    private Messaging messaging;

    private Service(
        World world, InProcessTransport network, String name, Configuration configuration)
        throws SQLException {
      this.world = world;
      this.network = network;
      this.name = name;
      this.configuration = configuration;
      build();
    }

    private void build() throws SQLException {
      execute(name, "UPDATE tenon.slot SET lease_until = '-infinity'");
      Store store = stores.get(name);
      transactions =
          Transactions.of(
              new Opened(
                  name, world.dataSource(name, store.dataSource()), store.dialect(), "tenon"));
      Random random = new Random(name.hashCode() + now.toEpochMilli());
      messaging =
          configuration
              .apply(Messaging.builder(transactions), () -> messaging)
              .transport(world.sends(name, FeedTransport.class, network, FEEDS))
              .runtime(
                  new TenonRuntime(
                      () -> now,
                      IdGenerator.timeOrdered(() -> now, random),
                      random,
                      Thread.ofVirtual().factory()))
              .build();
      network.serve(messaging.feedSource());
    }

    /** Does a client's work. If the service dies at it, the client does not ask again. */
    void work(Work work) throws Exception {
      if (!world.attempt(name, () -> work.on(transactions, messaging))) {
        build();
      }
    }

    /** Takes the process down in good order and starts it again. */
    void restart() throws Exception {
      work((unused, running) -> running.close());
      build();
    }

    private boolean runPending() throws Exception {
      boolean[] any = new boolean[1];
      if (!world.attempt(name, () -> any[0] = messaging.runPending())) {
        build();
        return true;
      }
      return any[0];
    }
  }

  private record Opened(String service, DataSource dataSource, Dialect dialect, String tenonSchema)
      implements ServiceDatabase {}

  SimulatedServices(PostgresExtension postgres) {
    this.postgres = postgres;
  }

  /** Makes a service's database, with its own tables. */
  void database(String service, String... tables) throws SQLException {
    Database database = postgres.freshDatabase(service);
    DataSource dataSource = postgres.dataSource(database);
    ServiceDatabase opened = ServiceDatabase.builder(service, dataSource).open();
    HikariDataSource superuser = new HikariDataSource();
    superuser.setDataSource(postgres.server().superuserDataSource(database.name()));
    superuser.setMaximumPoolSize(2);
    Reset reset = new Reset();
    stores.put(service, new Store(dataSource, superuser, opened.dialect(), reset));
    for (String table : tables) {
      execute(service, table);
    }
    reset.start = PostgresReset.to(superuser);
  }

  void reset() throws SQLException {
    now = Instant.parse("2026-01-01T00:00:00Z");
    for (Store store : stores.values()) {
      store.reset().start.restore();
    }
  }

  /** The network of a world: what is sent over it is counted. */
  InProcessTransport network() {
    return new InProcessTransport();
  }

  /** Builds a service in a world, and connects it to the network. */
  Service start(World world, InProcessTransport network, String name, Configuration configuration)
      throws SQLException {
    return new Service(world, network, name, configuration);
  }

  /** Runs services until none has anything to do, though time passes. */
  void settle(Duration passing, Service... services) throws Exception {
    Instant end = now.plus(passing);
    int failures = 0;
    while (true) {
      boolean any = false;
      for (Service service : services) {
        try {
          any |= service.runPending();
        } catch (RuntimeException e) {
          if (++failures > FAILURES_MAX) {
            throw e;
          }
          any = true;
        }
      }
      if (!any && !now.isBefore(end)) {
        return;
      }
      if (!any) {
        now = now.plus(passing.dividedBy(2));
      }
    }
  }

  @Override
  public void close() {
    stores.values().forEach(store -> store.superuser().close());
  }

  void execute(String service, String sql) throws SQLException {
    try (Connection connection = stores.get(service).superuser().getConnection();
        var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The first column of a query on a service's database, past all counting. */
  List<String> column(String service, String sql) throws SQLException {
    try (Connection connection = stores.get(service).superuser().getConnection();
        PreparedStatement select = connection.prepareStatement(sql);
        ResultSet row = select.executeQuery()) {
      List<String> values = new ArrayList<>();
      while (row.next()) {
        values.add(row.getString(1));
      }
      return values;
    }
  }
}
