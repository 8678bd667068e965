package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.RolledBackException;
import dev.tenon.transaction.Transactions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a commit carries besides the business rows: answers of handlers, inbox, durability. */
class ChainIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final String TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  record Step(int number) {}

  @Test
  void publishesFromHandlersAndHandsTheTraceOn() {
    InProcessTransport transport = new InProcessTransport();
    AtomicReference<TestService> stock = new AtomicReference<>();
    List<Map<String, String>> seen = new ArrayList<>();
    TestService order =
        new TestService(
            "order",
            postgres.freshDatabase("order"),
            builder ->
                builder
                    .transport(transport)
                    .topic(Topic.of("order.placed", "stock"))
                    .subscribe(
                        Subscription.to("stock")
                            .on(
                                "stock.reserved",
                                Step.class,
                                (step, context) -> seen.add(context.message().headers()))
                            .build()));
    stock.set(
        new TestService(
            "stock",
            postgres.freshDatabase("stock"),
            builder ->
                builder
                    .transport(transport)
                    .topic(Topic.of("stock.reserved", "order"))
                    .subscribe(
                        Subscription.to("order")
                            .on(
                                "order.placed",
                                Step.class,
                                (step, context) ->
                                    stock.get().messaging.outbox().publish("stock.reserved", step))
                            .build())));
    transport.serve(order.messaging.feedSource());
    transport.serve(stock.get().messaging.feedSource());
    try (order;
        TestService other = stock.get()) {
      order.transactions.run(
          unit ->
              order
                  .messaging
                  .outbox()
                  .publish(
                      OutgoingMessage.of("order.placed", new Step(1))
                          .header(Message.TRACEPARENT, TRACE)
                          .header("color", "green")));
      order.transactions.run(unit -> order.messaging.outbox().publish("order.placed", new Step(2)));
      Awaitility.await()
          .atMost(Duration.ofSeconds(20))
          .until(
              () -> {
                boolean any = order.messaging.runPending() | other.messaging.runPending();
                return !any && seen.size() == 2;
              });

      assertThat(seen).containsExactlyInAnyOrder(Map.of(Message.TRACEPARENT, TRACE), Map.of());
    }
  }

  @Test
  void tellsTheFirstReceiptFromTheSecond() throws Exception {
    try (TestService service =
        new TestService("hooks", postgres.freshDatabase("hooks"), builder -> builder)) {
      Inbox inbox = service.messaging.inbox();
      assertThatThrownBy(() -> inbox.firstTime("bank", "1")).hasMessageContaining("no writing");
      assertThatThrownBy(
              () ->
                  service.transactions.run(
                      unit -> {
                        assertThat(inbox.firstTime("bank", "1")).isTrue();
                        throw new IllegalStateException("rolled back");
                      }))
          .hasMessage("rolled back");
      assertThat(receive(service, "1")).isTrue();
      assertThat(receive(service, "1")).isFalse();
      assertThat(receive(service, "2")).isTrue();
      assertThat(
              service.transactions.<Boolean, RuntimeException>call(
                  unit -> inbox.firstTime("shop", "1")))
          .isTrue();
    }
  }

  private static boolean receive(TestService service, String id) {
    return service.transactions.call(unit -> service.messaging.inbox().firstTime("bank", id));
  }

  @Test
  void makesASecondReceiptWaitForTheFirstAndTellsItHowThatEnded() throws Exception {
    try (TestService service =
        new TestService("hooks", postgres.freshDatabase("hooks"), builder -> builder)) {
      for (boolean commits : List.of(true, false)) {
        String id = "commits: " + commits;
        CountDownLatch received = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        Thread first = Thread.ofVirtual().start(() -> hold(service, id, commits, received, end));
        assertThat(received.await(10, TimeUnit.SECONDS)).isTrue();
        AtomicReference<Boolean> answer = new AtomicReference<>();
        Thread second = Thread.ofVirtual().start(() -> answer.set(receive(service, id)));
        Awaitility.await()
            .until(
                () ->
                    service
                        .column("SELECT count(*) FROM pg_locks WHERE NOT granted")
                        .equals(List.of("1")));
        assertThat(answer.get()).isNull();
        end.countDown();
        first.join();
        second.join();
        assertThat(answer.get()).isEqualTo(!commits);
      }
    }
  }

  private static void hold(
      TestService service,
      String id,
      boolean commits,
      CountDownLatch received,
      CountDownLatch end) {
    try {
      service.transactions.<InterruptedException>run(
          unit -> {
            boolean unused = service.messaging.inbox().firstTime("bank", id);
            received.countDown();
            if (!end.await(10, TimeUnit.SECONDS) || !commits) {
              unit.setRollbackOnly();
            }
          });
    } catch (RolledBackException e) {
      assertThat(commits).isFalse();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void forcesCommitsThatCarryTenonsRowsToBeDurable() throws SQLException {
    Database database = postgres.freshDatabase("weak");
    try (Connection connection = postgres.server().superuserDataSource("postgres").getConnection();
        var statement = connection.createStatement()) {
      statement.execute("ALTER DATABASE " + database.name() + " SET synchronous_commit = off");
    }
    try (TestService weak =
        new TestService(
            "weak", database, builder -> builder.topic(Topic.of("weak.topic", Topic.ANYONE)))) {
      assertThat(setting(weak, unit -> {})).isEqualTo("off");
      assertThat(setting(weak, unit -> weak.messaging.outbox().publish("weak.topic", new Step(1))))
          .isEqualTo("on");
      assertThat(
              setting(
                  weak,
                  unit ->
                      weak.messaging
                          .outbox()
                          .publish(
                              OutgoingMessage.of("weak.topic", new Step(1))
                                  .delay(Duration.ofHours(1)))))
          .isEqualTo("on");
      assertThat(
              setting(
                  weak,
                  unit -> {
                    boolean unused = weak.messaging.inbox().firstTime("bank", "1");
                  }))
          .isEqualTo("on");
      assertThat(setting(weak, unit -> {})).isEqualTo("off");
    }
  }

  /** What holds for the commit, seen by the last check before it. */
  private static String setting(TestService service, Transactions.Action<RuntimeException> work) {
    List<String> seen = new ArrayList<>();
    service.transactions.run(
        unit -> {
          work.run(unit);
          unit.beforeCommit(
              connection -> {
                try (var statement = connection.createStatement();
                    ResultSet row = statement.executeQuery("SHOW synchronous_commit")) {
                  row.next();
                  seen.add(row.getString(1));
                }
              });
        });
    return seen.getFirst();
  }

  @Test
  void worksWithAPoolThatDoesNotCommitByItself() {
    InProcessTransport transport = new InProcessTransport();
    try (Shop shop = new Shop(postgres.freshDatabase("shop"), transport);
        TestService stock =
            new TestService(
                "stock",
                postgres.freshDatabase("stock"),
                config -> config.setAutoCommit(false),
                builder ->
                    builder
                        .transport(transport)
                        .subscribe(
                            new SaleLedger(
                                    "only", postgres.server().superuserDataSource("postgres"))
                                .subscription()))) {
      SaleLedger.create(stock);
      shop.service.messaging.start();
      stock.messaging.start();
      shop.sell("lamp");

      Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> SaleLedger.booked(stock) == 1);
    }
  }
}
