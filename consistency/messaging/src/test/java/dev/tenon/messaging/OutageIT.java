package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The database of publisher and subscriber is killed and comes back while both run. */
class OutageIT {
  @RegisterExtension
  static final PostgresExtension postgres =
      PostgresExtension.dedicated(builder -> builder.durable());

  private final InProcessTransport transport = new InProcessTransport();
  private final Set<Integer> committed = new ConcurrentSkipListSet<>();
  private final Set<Integer> unknown = new ConcurrentSkipListSet<>();
  private final AtomicBoolean open = new AtomicBoolean(true);

  private static ConditionFactory await() {
    return Awaitility.await().atMost(Duration.ofSeconds(60));
  }

  @Test
  void isSurvivedByItselfWithNothingLostAndNothingDoneTwice() throws InterruptedException {
    try (Shop shop = new Shop(postgres.freshDatabase("shop"), transport);
        TestService stock =
            new TestService(
                "stock",
                postgres.freshDatabase("stock"),
                builder ->
                    builder
                        .transport(transport)
                        .subscribe(new SaleLedger("only", unused()).subscription()))) {
      SaleLedger.create(stock);
      shop.service.messaging.start();
      stock.messaging.start();
      Thread seller = Thread.ofVirtual().start(() -> sell(shop.service));
      await().until(() -> SaleLedger.booked(stock) > 50);

      for (int i = 0; i < 2; i++) {
        postgres.server().kill();
        int before = committed.size();
        Thread.sleep(i * 2_500L);
        postgres.server().restart();
        await().until(() -> committed.size() > before + 50);
      }
      open.set(false);
      seller.join();

      await().until(() -> booked(stock).containsAll(committed));
      Set<Integer> extra = booked(stock);
      extra.removeAll(committed);
      assertThat(unknown).containsAll(extra);
      assertThat(SaleLedger.mistakes(stock)).isEmpty();
      assertThat(stock.messaging.failedMessages().list(FailedMessages.Filter.ALL, 10)).isEmpty();
    }
  }

  @Test
  void deliversOnceWhatWasBeingHandledAndWhatWasPendingWhenItsDatabaseWentDown()
      throws InterruptedException {
    CountDownLatch handling = new CountDownLatch(1);
    CountDownLatch down = new CountDownLatch(1);
    SaleLedger ledger = new SaleLedger("only", unused());
    try (Shop shop = new Shop(postgres.freshDatabase("shop"), transport);
        TestService stock =
            new TestService(
                "stock",
                postgres.freshDatabase("stock"),
                builder ->
                    builder
                        .transport(transport)
                        .subscribe(
                            Subscription.to("shop")
                                .on(
                                    Sale.TOPIC,
                                    Sale.class,
                                    (sale, context) -> {
                                      ledger.book(sale, context);
                                      handling.countDown();
                                      down.await();
                                    })
                                .build()))) {
      SaleLedger.create(stock);
      shop.service.messaging.start();
      stock.messaging.start();
      shop.sell("p");
      assertThat(handling.await(60, TimeUnit.SECONDS)).isTrue();
      shop.sell("p");
      shop.service.transactions.run(
          unit ->
              shop.service
                  .messaging
                  .outbox()
                  .publish(
                      OutgoingMessage.of(Sale.TOPIC, new Sale("late", 1, false))
                          .delay(Duration.ofSeconds(1))));

      postgres.server().kill();
      down.countDown();
      postgres.server().restart();

      await().ignoreExceptions().until(() -> SaleLedger.booked(stock) == 3);
      assertThat(SaleLedger.mistakes(stock)).isEmpty();
      assertThat(stock.messaging.failedMessages().list(FailedMessages.Filter.ALL, 10)).isEmpty();
    }
  }

  private static javax.sql.DataSource unused() {
    return postgres.server().superuserDataSource("postgres");
  }

  private static Set<Integer> booked(TestService stock) {
    Set<Integer> numbers = new TreeSet<>();
    stock.column("SELECT number FROM sold").forEach(number -> numbers.add(Integer.valueOf(number)));
    return numbers;
  }

  private void sell(TestService shop) {
    for (int i = 1; open.get(); i++) {
      int number = i;
      String product = "p" + i % 5;
      try {
        shop.transactions.run(
            unit ->
                shop.messaging
                    .outbox()
                    .publish(Sale.TOPIC, product, new Sale(product, number, false)));
        committed.add(number);
      } catch (UnknownCommitOutcomeException e) {
        unknown.add(number);
      } catch (TransactionException e) {
        pause();
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(20);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
