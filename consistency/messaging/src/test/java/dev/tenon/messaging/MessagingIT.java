package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.runtime.Backoff;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class MessagingIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final InProcessTransport transport = new InProcessTransport();
  final AtomicBoolean broken = new AtomicBoolean();
  TestService order;
  TestService stock;

  record Placed(int number, String product) {}

  String tenonSchema() {
    return "tenon";
  }

  @BeforeEach
  void start() {
    order =
        new TestService(
            "order",
            postgres.freshDatabase("order"),
            tenonSchema(),
            builder -> builder.topic(Topic.of("order.placed", "stock")));
    transport.serve(order.messaging.feedSource());
    stock =
        new TestService(
            "stock",
            postgres.freshDatabase("stock"),
            tenonSchema(),
            builder ->
                builder
                    .transport(transport)
                    .config(
                        MessagingConfig.defaults()
                            .attemptsMax(2)
                            .backoff(new Backoff(Duration.ofMillis(1), Duration.ofMillis(2))))
                    .subscribe(
                        Subscription.to("order")
                            .on("order.placed", Placed.class, this::reserve)
                            .build()));
    stock.execute("CREATE TABLE reserved (place serial, number int, product text)");
  }

  private void reserve(Placed placed, MessageContext context) throws Exception {
    if (broken.get() && placed.product().equals("broken")) {
      throw new IllegalStateException("no such product");
    }
    try (PreparedStatement insert =
        context
            .unit()
            .connection()
            .prepareStatement("INSERT INTO reserved (number, product) VALUES (?, ?)")) {
      insert.setInt(1, placed.number());
      insert.setString(2, placed.product());
      insert.executeUpdate();
    }
  }

  void place(int number, String product) {
    order.transactions.run(
        unit ->
            order.messaging.outbox().publish("order.placed", product, new Placed(number, product)));
  }

  void settle() {
    int idle = 0;
    while (idle < 2) {
      boolean any = order.messaging.runPending() | stock.messaging.runPending();
      idle = any ? 0 : idle + 1;
    }
  }

  @AfterEach
  void stop() {
    stock.close();
    order.close();
  }

  @Test
  void deliversWhatWasCommittedAndNothingElse() {
    place(1, "lamp");
    assertThatThrownBy(
            () ->
                order.transactions.run(
                    unit -> {
                      order.messaging.outbox().publish("order.placed", new Placed(2, "lost"));
                      throw new IllegalStateException("changed my mind");
                    }))
        .hasMessage("changed my mind");
    place(3, "lamp");

    settle();

    assertThat(stock.column("SELECT number FROM reserved ORDER BY place"))
        .containsExactly("1", "3");
  }

  @Test
  void deliversInTheBackgroundInTheOrderOfEachKey() {
    order.messaging.start();
    stock.messaging.start();

    IntStream.range(0, 2_000).parallel().forEach(i -> place(i, "p" + i % 7));

    Awaitility.await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> stock.column("SELECT count(*) FROM reserved").equals(List.of("2000")));
    assertThat(stock.column("SELECT count(DISTINCT number) FROM reserved")).containsExactly("2000");
  }

  @Test
  void parksAPoisonMessageAndHoldsUpItsOwnKeyOnly() throws Exception {
    broken.set(true);
    place(1, "broken");
    place(2, "broken");
    place(3, "lamp");

    settle();
    Awaitility.await()
        .untilAsserted(
            () -> {
              settle();
              assertThat(stock.messaging.failedMessages().list(FailedMessages.Filter.PARKED, 10))
                  .hasSize(1);
            });

    assertThat(stock.column("SELECT number FROM reserved")).containsExactly("3");
    List<FailedMessages.FailedMessage> all =
        stock.messaging.failedMessages().list(FailedMessages.Filter.ALL, 10);
    assertThat(all)
        .extracting(FailedMessages.FailedMessage::state)
        .containsExactly(FailedMessages.State.PARKED, FailedMessages.State.BEHIND);
    assertThat(all.getFirst().error().orElseThrow()).contains("no such product");

    broken.set(false);
    stock.messaging.failedMessages().replay(List.of(all.getFirst().message().id()));
    place(4, "broken");
    Awaitility.await()
        .untilAsserted(
            () -> {
              settle();
              assertThat(stock.column("SELECT number FROM reserved ORDER BY place"))
                  .containsExactly("3", "1", "2", "4");
            });
  }

  @Test
  void parksUnreadablePayloadsAndUnknownVersionsAtOnce() {
    order.transactions.run(
        unit -> {
          order.messaging.outbox().publish("order.placed", List.of("not", "an", "order"));
          order
              .messaging
              .outbox()
              .publish(OutgoingMessage.of("order.placed", new Placed(1, "x")).version(9));
        });

    settle();

    assertThat(stock.messaging.failedMessages().list(FailedMessages.Filter.PARKED, 10))
        .extracting(failed -> failed.error().orElseThrow())
        .satisfiesExactlyInAnyOrder(
            error -> assertThat(error).startsWith("unreadable payload"),
            error -> assertThat(error).startsWith("unknown version: 9 (expected: one of [1])"));
  }

  @Test
  void refusesToPublishOutsideOfATransactionOrToAnUndeclaredTopic() {
    assertThatThrownBy(() -> order.messaging.outbox().publish("order.placed", new Placed(1, "x")))
        .isInstanceOf(MessagingException.class)
        .hasMessageContaining("no transaction is open");
    assertThatThrownBy(
            () -> order.transactions.run(unit -> order.messaging.outbox().publish("nope", "x")))
        .isInstanceOf(MessagingException.class)
        .hasMessageContaining("not declared");
    assertThatThrownBy(
            () ->
                order.transactions.read(
                    unit -> order.messaging.outbox().publish("order.placed", "x")))
        .isInstanceOf(MessagingException.class)
        .hasMessageContaining("read-only");
  }

  @Test
  void startsASubscriptionOverAlsoWhenDrivenByHand() throws Exception {
    place(1, "lamp");
    place(2, "chair");
    settle();

    stock
        .messaging
        .subscriptions()
        .restart("order/default", unit -> execute(unit.connection(), "TRUNCATE reserved"));
    assertThat(stock.column("SELECT number FROM reserved")).isEmpty();
    settle();
    place(3, "lamp");
    settle();

    assertThat(stock.column("SELECT number FROM reserved ORDER BY number"))
        .containsExactly("1", "2", "3");
  }

  private static void execute(Connection connection, String sql) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  @Test
  void delaysMessages() {
    Duration delay = Duration.ofMillis(300);
    long begun = System.nanoTime();
    order.transactions.run(
        unit ->
            order
                .messaging
                .outbox()
                .publish(OutgoingMessage.of("order.placed", new Placed(1, "late")).delay(delay)));
    settle();
    boolean there = !stock.column("SELECT number FROM reserved").isEmpty();
    Duration passed = Duration.ofNanos(System.nanoTime() - begun);
    assertThat(there && passed.compareTo(delay) < 0).as("there after " + passed).isFalse();

    Awaitility.await()
        .untilAsserted(
            () -> {
              settle();
              assertThat(stock.column("SELECT number FROM reserved")).containsExactly("1");
            });
  }

  @Test
  void refusesSubscribersThatTheTopicDoesNotList() {
    TestService nosy =
        new TestService(
            "nosy",
            postgres.freshDatabase("nosy"),
            tenonSchema(),
            builder ->
                builder
                    .transport(transport)
                    .subscribe(
                        Subscription.to("order")
                            .on("order.placed", Placed.class, (placed, context) -> {})
                            .build()));
    try (nosy) {
      assertThatThrownBy(nosy.messaging::runPending)
          .hasMessageContaining("does not list the subscriber");
    }
  }
}
