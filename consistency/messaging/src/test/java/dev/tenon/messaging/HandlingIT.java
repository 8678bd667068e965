package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.runtime.Backoff;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Handlers that fail, are slow, or are told to begin again, while everything runs. */
class HandlingIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final MessagingConfig CONFIG =
      MessagingConfig.defaults()
          .attemptsMax(2)
          .pollInterval(Duration.ofMillis(50))
          .backoff(new Backoff(Duration.ofMillis(1), Duration.ofMillis(20)));

  private final InProcessTransport transport = new InProcessTransport();
  private final Set<String> broken = ConcurrentHashMap.newKeySet();
  private final Map<String, MessageConsumer<Sale>> special = new ConcurrentHashMap<>();
  private final AtomicInteger calls = new AtomicInteger();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private Database stockDatabase;
  private Shop shop;
  private TestService stock;

  @BeforeEach
  void open() {
    shop = new Shop(postgres.freshDatabase("shop"), transport);
    stock = subscriber(CONFIG);
    SaleLedger.create(stock);
    shop.service.messaging.start();
  }

  private TestService subscriber(MessagingConfig config) {
    SaleLedger ledger = new SaleLedger("only", postgres.server().superuserDataSource("postgres"));
    stockDatabase = postgres.freshDatabase("stock");
    return new TestService(
        "stock",
        stockDatabase,
        builder ->
            builder
                .transport(transport)
                .config(config)
                .meters(meters)
                .subscribe(
                    Subscription.to("shop")
                        .on(
                            Sale.TOPIC,
                            Sale.class,
                            (sale, context) -> {
                              calls.incrementAndGet();
                              ledger.book(sale, context);
                              if (broken.contains(sale.product())) {
                                throw new IllegalStateException(sale.product() + " is broken");
                              }
                              special
                                  .getOrDefault(sale.product(), (same, unit) -> {})
                                  .accept(sale, context);
                            })
                        .build()));
  }

  @AfterEach
  void close() {
    stock.close();
    shop.close();
  }

  private static ConditionFactory await() {
    return Awaitility.await().atMost(Duration.ofSeconds(30));
  }

  private void awaitBooked(int count) {
    await().until(() -> SaleLedger.booked(stock) >= count);
    assertThat(SaleLedger.booked(stock)).isEqualTo(count);
    assertThat(SaleLedger.mistakes(stock)).isEmpty();
  }

  private List<FailedMessages.FailedMessage> failed(FailedMessages.Filter filter) {
    return stock.messaging.failedMessages().list(filter, 10_000);
  }

  @Test
  void appliesTheOthersOfABatchExactlyOnceWhenOneFails() {
    broken.add("p250");
    shop.service.transactions.run(
        unit ->
            IntStream.range(0, 500)
                .forEach(
                    i ->
                        shop.service
                            .messaging
                            .outbox()
                            .publish(Sale.TOPIC, "p" + i, new Sale("p" + i, 1, false))));

    stock.messaging.start();

    awaitBooked(499);
    await().until(() -> failed(FailedMessages.Filter.PARKED).size() == 1);
    assertThat(calls.get()).isLessThan(2 * 500);
  }

  @Test
  void letsManyFailingMessagesFailAloneAndReplaysOrDropsThemWhileItRuns() {
    IntStream.range(0, 160).filter(i -> i % 2 == 0).forEach(i -> broken.add("p" + i));
    stock.messaging.start();
    IntStream.range(0, 320).forEach(i -> shop.sell("p" + i % 160));

    awaitBooked(160);
    await().until(() -> failed(FailedMessages.Filter.PARKED).size() == 80);
    assertThat(failed(FailedMessages.Filter.ALL)).hasSize(160);

    broken.clear();
    List<UUID> ids =
        failed(FailedMessages.Filter.PARKED).stream().map(one -> one.message().id()).toList();
    assertThat(stock.messaging.failedMessages().drop(ids.subList(0, 30))).isEqualTo(30);
    assertThat(stock.messaging.failedMessages().replay(ids.subList(30, 80))).isEqualTo(50);

    awaitBooked(160 + 80 + 50);
    await().until(() -> failed(FailedMessages.Filter.ALL).isEmpty());
  }

  @Test
  void retriesBesideMoreParkedMessagesThanItLooksAtInOneRound() {
    stock.close();
    stock = subscriber(CONFIG.slots(1));
    SaleLedger.create(stock);
    int parked = RetryStore.HEADS_MAX + 10;
    IntStream.range(0, parked).forEach(i -> broken.add("a" + i));
    special.put(
        "z",
        (sale, context) -> {
          if (context.attempt() == 1) {
            throw new IllegalStateException("not yet");
          }
        });
    stock.messaging.start();
    IntStream.range(0, parked).forEach(i -> shop.sell("a" + i));
    await().until(() -> failed(FailedMessages.Filter.PARKED).size() == parked);

    shop.sell("z");
    shop.sell("z");

    awaitBooked(2);
  }

  @Test
  void readsNothingMoreWhileTooManyKeysHaveFailedAndGoesOnWhenSomeAreDoneWith() {
    stock.close();
    stock = subscriber(CONFIG.slots(1).failedKeysMax(3));
    SaleLedger.create(stock);
    IntStream.range(0, 10).forEach(i -> broken.add("p" + i));
    IntStream.range(0, 10).forEach(i -> shop.sell("p" + i));
    shop.sell("fine");
    try (LoggedWarnings warnings = new LoggedWarnings(SlotWorker.class)) {
      stock.messaging.start();
      await().until(() -> failed(FailedMessages.Filter.PARKED).size() == 3);
      await().until(() -> held() == 1);
      assertThat(stock.messaging.subscriptions().slots())
          .allSatisfy(slot -> assertThat(slot.held()).isTrue());
      int looked = calls.get();
      shop.sell("fine");
      await().pollDelay(CONFIG.pollInterval().multipliedBy(4)).until(() -> held() == 1);
      assertThat(calls).as("nothing is read meanwhile").hasValue(looked);
      assertThat(failed(FailedMessages.Filter.ALL)).hasSize(3);
      assertThat(warnings.containing("as many keys have failed as may")).hasSize(1);
    }

    UUID dropped = failed(FailedMessages.Filter.PARKED).getFirst().message().id();
    assertThat(stock.messaging.failedMessages().drop(List.of(dropped))).isEqualTo(1);
    await()
        .until(
            () ->
                failed(FailedMessages.Filter.PARKED).size() == 3
                    && stock.messaging.failedMessages().find(dropped).isEmpty());
    broken.clear();
    stock
        .messaging
        .failedMessages()
        .replay(failed(FailedMessages.Filter.ALL).stream().map(one -> one.message().id()).toList());

    awaitBooked(11);
    await().until(() -> held() == 0);
    assertThat(stock.messaging.subscriptions().slots())
        .allSatisfy(slot -> assertThat(slot.held()).isFalse());
  }

  private double held() {
    Gauge gauge =
        meters
            .find("tenon.messaging.held")
            .tags("subscription", "shop/default", "slot", "0")
            .gauge();
    return gauge == null ? 0 : gauge.value();
  }

  @Test
  void repeatsWhatTheDatabaseRefusedForTheSakeOfConcurrency() {
    AtomicInteger refusals = new AtomicInteger();
    special.put(
        "busy",
        (sale, context) -> {
          if (refusals.getAndIncrement() < 2) {
            try (var statement = context.unit().connection().createStatement()) {
              statement.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$");
            }
          }
        });
    stock.messaging.start();
    shop.sell("busy");

    awaitBooked(1);
    assertThat(refusals).hasValue(3);
    assertThat(failed(FailedMessages.Filter.ALL)).isEmpty();
  }

  @Test
  void repeatsWhatWasDoneOnAConnectionThatWasCut() {
    AtomicInteger cuts = new AtomicInteger();
    special.put(
        "cut",
        (sale, context) -> {
          if (cuts.getAndIncrement() == 0) {
            try (var statement = context.unit().connection().createStatement()) {
              statement.execute("SELECT pg_terminate_backend(pg_backend_pid())");
            }
          }
        });
    stock.messaging.start();
    shop.sell("cut");

    awaitBooked(1);
    assertThat(failed(FailedMessages.Filter.ALL)).isEmpty();
  }

  @Test
  void keepsTheLeaseOfAHandlerThatWorksForLongAndParksOneThatIdles() {
    stock.close();
    stock = subscriber(CONFIG.lease(Duration.ofMillis(600)));
    SaleLedger.create(stock);
    special.put(
        "slow",
        (sale, context) -> {
          try (var statement = context.unit().connection().createStatement()) {
            statement.execute("SELECT pg_sleep(1.8)");
          }
        });
    special.put("idle", (sale, context) -> Thread.sleep(700));
    stock.messaging.start();
    shop.sell("slow");
    shop.sell("idle");

    awaitBooked(1);
    assertThat(stock.column("SELECT max(fence) FROM tenon.slot")).containsExactly("1");
    await().until(() -> failed(FailedMessages.Filter.PARKED).size() == 1);
    assertThat(failed(FailedMessages.Filter.PARKED).getFirst().error().orElseThrow())
        .contains("Do that outside, or raise the lease.");
  }

  @Test
  void parksAFailedMessageOfATopicThatNobodyConsumesAnyMore() {
    broken.add("lamp");
    stock.messaging.start();
    shop.sell("lamp");
    await().until(() -> !failed(FailedMessages.Filter.ALL).isEmpty());
    stock.close();
    stock =
        new TestService(
            "stock",
            stockDatabase,
            builder ->
                builder
                    .transport(transport)
                    .config(CONFIG.attemptsMax(1_000))
                    .subscribe(
                        Subscription.to("shop")
                            .on("shop.other", Sale.class, (sale, context) -> {})
                            .build()));
    stock.messaging.start();
    List<UUID> ids =
        failed(FailedMessages.Filter.ALL).stream().map(one -> one.message().id()).toList();
    assertThat(stock.messaging.failedMessages().replay(ids)).isEqualTo(1);

    await()
        .untilAsserted(
            () ->
                assertThat(failed(FailedMessages.Filter.PARKED))
                    .singleElement()
                    .satisfies(
                        one ->
                            assertThat(one.error())
                                .hasValue(
                                    "unknown topic: shop.sale (expected: one of [shop.other])")));
  }

  @Test
  void handlesErrorsOfAConsumerLikeOtherFailures() {
    special.put(
        "error",
        (sale, context) -> {
          throw new StackOverflowError();
        });
    stock.messaging.start();
    shop.sell("error");
    shop.sell("fine");

    awaitBooked(1);
    await().until(() -> failed(FailedMessages.Filter.PARKED).size() == 1);
  }

  @Test
  void startsASubscriptionOverUnderLoadAndEndsWithTheRightCopy() throws Exception {
    stock.messaging.start();
    Thread[] sellers = {shop.sellOn("a", 5), shop.sellOn("b", 5)};
    for (int i = 0; i < 3; i++) {
      int before = SaleLedger.booked(stock);
      await().until(() -> SaleLedger.booked(stock) > before);
      stock
          .messaging
          .subscriptions()
          .restart(
              "shop/default",
              unit -> {
                try (var statement = unit.connection().createStatement()) {
                  statement.execute("TRUNCATE sold, total");
                }
              });
    }
    shop.shut(sellers);

    awaitBooked(shop.sold());
    assertThatThrownBy(() -> stock.messaging.subscriptions().restart("shop/no", unit -> {}))
        .isInstanceOf(MessagingException.class)
        .hasMessageContaining("there is none of that name. Known are [shop/default]");
  }

  @Test
  void leavesEverythingAsItIsWhenAWipeFails() {
    stock.messaging.start();
    shop.sell("one");
    awaitBooked(1);

    assertThatThrownBy(
            () ->
                stock
                    .messaging
                    .subscriptions()
                    .restart(
                        "shop/default",
                        unit -> {
                          throw new SQLException("no wipe");
                        }))
        .hasMessage("no wipe");
    shop.sell("two");

    awaitBooked(2);
  }
}
