package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.runtime.Backoff;
import dev.tenon.schema.ServiceProvisioner;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Two services with one login and two schemas each, in the database of a monolith. */
class SharedDatabaseIT {
  private static final String PASSWORD = "not-a-secret-4711";
  private static final int MESSAGES = 300;

  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final InProcessTransport transport = new InProcessTransport();
  private final Set<Integer> failedOnce = new HashSet<>();
  private Database shared;
  private TestService order;
  private TestService stock;

  record Ping(int number) {}

  @BeforeEach
  void start() {
    shared = postgres.freshDatabase("monolith");
    order = service("order-entry", "stock");
    stock = service("stock", "order-entry");
  }

  /** Publishes to the other one, and reads what the other one publishes. */
  private TestService service(String name, String other) {
    String login = shared.name() + "_" + name;
    String tenonSchema =
        ServiceProvisioner.of(postgres.server().superuserDataSource(shared.name()))
            .provisionSchema(name, login, PASSWORD);
    TestService service =
        new TestService(
            name,
            new Database(shared.name(), shared.jdbcUrl(), login, PASSWORD),
            tenonSchema,
            builder ->
                builder
                    .topic(Topic.of(name + ".ping", other))
                    .transport(transport)
                    .config(
                        MessagingConfig.defaults()
                            .backoff(new Backoff(Duration.ofMillis(1), Duration.ofMillis(2))))
                    .subscribe(
                        Subscription.to(other)
                            .on(other + ".ping", Ping.class, this::note)
                            .build()));
    service.execute("CREATE TABLE noted (number int)");
    transport.serve(service.messaging.feedSource());
    return service;
  }

  private void note(Ping ping, MessageContext context) throws Exception {
    try (PreparedStatement insert =
        context.unit().connection().prepareStatement("INSERT INTO noted VALUES (?)")) {
      insert.setInt(1, ping.number());
      insert.executeUpdate();
    }
    synchronized (failedOnce) {
      if (ping.number() % 50 == 0 && failedOnce.add(ping.number())) {
        throw new IllegalStateException("after the effect");
      }
    }
  }

  @AfterEach
  void stop() {
    order.close();
    stock.close();
  }

  @Test
  void exchangeMessagesWithEffectsOnce() {
    order.messaging.start();
    stock.messaging.start();
    IntStream.range(0, MESSAGES)
        .parallel()
        .forEach(
            i -> {
              ping(order, "order-entry.ping", i);
              ping(stock, "stock.ping", -i);
            });

    String once = MESSAGES + " " + MESSAGES;
    for (TestService service : List.of(order, stock)) {
      Awaitility.await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(
              () ->
                  assertThat(
                          service.column(
                              "SELECT count(*) || ' ' || count(DISTINCT number) FROM noted"))
                      .containsExactly(once));
    }
    assertThat(order.column("SELECT max(number) FROM noted")).containsExactly("0");
    assertThat(stock.column("SELECT min(number) FROM noted")).containsExactly("0");
  }

  private static void ping(TestService service, String topic, int number) {
    service.transactions.run(
        unit -> service.messaging.outbox().publish(topic, "k" + number % 5, new Ping(number)));
  }

  @Test
  void refuseEachOthersTables() {
    for (String table : List.of("stock.noted", "stock_tenon.outbox", "stock_tenon.identity")) {
      assertRefused(order, table);
    }
    for (String table : List.of("order_entry.noted", "order_entry_tenon.outbox")) {
      assertRefused(stock, table);
    }
  }

  private static void assertRefused(TestService service, String table) {
    assertThatThrownBy(() -> service.column("SELECT * FROM " + table))
        .hasMessageContaining("permission denied for schema");
    assertThatThrownBy(() -> service.execute("DELETE FROM " + table))
        .hasMessageContaining("permission denied for schema");
  }
}
