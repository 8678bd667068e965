package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.messaging.spi.FeedTransport;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a service does last, and what it does no more. */
@Timeout(60)
class StopIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final InProcessTransport transport = new InProcessTransport();

  private static TestService shop(Database database) {
    MessagingConfig rare = MessagingConfig.defaults().pollInterval(Duration.ofMinutes(1));
    return new TestService(
        "shop",
        database,
        builder -> builder.config(rare).topic(Topic.of(Sale.TOPIC, Topic.ANYONE)));
  }

  @Test
  void closesTheWindowOfWhatWasCommittedLast() {
    Database database = postgres.freshDatabase("shop");
    try (TestService stopping = shop(database);
        TestService other = shop(database)) {
      stopping.messaging.start();
      publish(other); // tells nobody: it has not been started

      stopping.messaging.close();

      assertThat(other.column("SELECT 1 FROM tenon.outbox_window WHERE n > 0")).hasSize(1);
    }
  }

  @Test
  void tellsThePublisherNothingMoreSoThatItNeedNotBeThere() throws InterruptedException {
    Watched watched = new Watched();
    AtomicReference<Duration> ahead = new AtomicReference<>(Duration.ZERO);
    InstantSource clock = TenonRuntime.system().clock();
    CountDownLatch handling = new CountDownLatch(1);
    try (TestService shop = shop(postgres.freshDatabase("shop"));
        TestService stock =
            new TestService(
                "stock",
                postgres.freshDatabase("stock"),
                builder ->
                    builder
                        .transport(watched)
                        .runtime(
                            TenonRuntime.system()
                                .withClock(() -> clock.instant().plus(ahead.get())))
                        .config(MessagingConfig.defaults().slots(1))
                        .subscribe(
                            Subscription.to("shop")
                                .on(
                                    Sale.TOPIC,
                                    Sale.class,
                                    (sale, context) -> {
                                      ahead.set(Duration.ofMinutes(2)); // a report is due
                                      handling.countDown();
                                      watched.closed.await();
                                    })
                                .build()))) {
      transport.serve(shop.messaging.feedSource());
      shop.messaging.start();
      stock.messaging.start();
      publish(shop);
      handling.await();
      int before = watched.reports.get();

      stock.messaging.close();

      assertThat(stock.column("SELECT 1 FROM tenon.slot WHERE window_n > 0")).hasSize(1);
      assertThat(watched.reports).hasValue(before);
    }
  }

  private static void publish(TestService shop) {
    shop.transactions.run(
        unit -> shop.messaging.outbox().publish(Sale.TOPIC, "lamp", new Sale("lamp", 1, false)));
  }

  /** Says when a stream is closed, and counts reports. */
  private final class Watched implements FeedTransport {
    final CountDownLatch closed = new CountDownLatch(1);
    final AtomicInteger reports = new AtomicInteger();

    @Override
    public FeedStream open(FeedRequest request) {
      FeedStream stream = transport.open(request);
      return new FeedStream() {
        @Override
        public Optional<FeedBatch> next(Duration timeout) throws InterruptedException {
          return stream.next(timeout);
        }

        @Override
        public void close() {
          closed.countDown();
          stream.close();
        }
      };
    }

    @Override
    public void report(FeedReport report) {
      reports.incrementAndGet();
      transport.report(report);
    }

    @Override
    public void wake(String address) {
      transport.wake(address);
    }
  }
}
