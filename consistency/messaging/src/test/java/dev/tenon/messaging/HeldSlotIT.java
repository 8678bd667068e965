package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.messaging.spi.FeedTransport;
import dev.tenon.runtime.Backoff;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A slot that stops reading in the middle of a batch, when more of the log has come already. */
class HeldSlotIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final int MESSAGES = 12;
  private static final int ROUNDS = 10;

  record Placed(int number) {}

  private final Set<Integer> broken = ConcurrentHashMap.newKeySet();

  /** Receives ahead of its reader, as a network does. */
  private record Ahead(FeedTransport transport) implements FeedTransport {
    @Override
    public FeedStream open(FeedRequest request) {
      FeedStream stream = transport.open(request);
      return new FeedStream() {
        @Override
        public Optional<FeedBatch> next(Duration timeout) throws InterruptedException {
          return stream.next(timeout);
        }

        @Override
        public Optional<FeedBatch> ready() {
          try {
            return stream.next(Duration.ZERO);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
          }
        }

        @Override
        public void close() {
          stream.close();
        }
      };
    }

    @Override
    public void report(FeedReport report) {
      transport.report(report);
    }

    @Override
    public void wake(String address) {
      transport.wake(address);
    }
  }

  private void take(Placed placed, MessageContext context) throws Exception {
    try (PreparedStatement insert =
        context.unit().connection().prepareStatement("INSERT INTO stored (number) VALUES (?)")) {
      insert.setInt(1, placed.number());
      insert.executeUpdate();
    }
    if (broken.contains(placed.number())) {
      throw new IllegalStateException("broken");
    }
  }

  private static TestService order() {
    return new TestService(
        "order",
        postgres.freshDatabase("order"),
        builder ->
            builder
                .topic(Topic.of("placed", "stock"))
                .config(MessagingConfig.defaults().batchMessagesMax(3)));
  }

  private TestService stock(FeedTransport transport) {
    return new TestService(
        "stock",
        postgres.freshDatabase("stock"),
        builder ->
            builder
                .transport(new Ahead(transport))
                .config(
                    MessagingConfig.defaults()
                        .slots(1)
                        .batchMessagesMax(4)
                        .attemptsMax(1)
                        .failedKeysMax(2)
                        .pollInterval(Duration.ofMillis(10))
                        .backoff(new Backoff(Duration.ofMillis(1), Duration.ofMillis(2))))
                .subscribe(
                    Subscription.to("order").on("placed", Placed.class, this::take).build()));
  }

  private static List<String> stored(TestService stock) {
    return stock.column("SELECT number FROM stored ORDER BY number");
  }

  @Test
  void forgetsWhatCameAheadAndReadsItAgainInItsPlace() {
    InProcessTransport transport = new InProcessTransport();
    try (TestService order = order();
        TestService stock = stock(transport)) {
      transport.serve(order.messaging.feedSource());
      stock.execute("CREATE TABLE stored (place serial, number int PRIMARY KEY)");
      broken.addAll(List.of(1, 2));
      order.transactions.run(
          unit ->
              IntStream.rangeClosed(1, MESSAGES)
                  .forEach(
                      number ->
                          order
                              .messaging
                              .outbox()
                              .publish("placed", "key-" + number, new Placed(number))));
      order.messaging.runPending();

      for (int round = 0; round < ROUNDS; round++) {
        boolean unused = stock.messaging.runPending();
      }
      List<UUID> parked =
          stock.messaging.failedMessages().list(FailedMessages.Filter.PARKED, 10).stream()
              .map(one -> one.message().id())
              .toList();
      assertThat(parked).hasSize(2);
      assertThat(stored(stock)).as("held in the middle of the first batch").isEmpty();

      broken.clear();
      assertThat(stock.messaging.failedMessages().replay(parked)).isEqualTo(2);
      Awaitility.await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(
              () -> {
                boolean unused = stock.messaging.runPending();
                assertThat(stored(stock)).hasSize(MESSAGES);
              });
      assertThat(stock.column("SELECT number FROM stored WHERE number > 2 ORDER BY place"))
          .isEqualTo(IntStream.rangeClosed(3, MESSAGES).mapToObj(Integer::toString).toList());
      assertThat(stock.messaging.failedMessages().list(FailedMessages.Filter.ALL, 10)).isEmpty();
    }
  }
}
