package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Several instances of a subscriber over one database, in one JVM. */
class InstancesIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final InProcessTransport transport = new InProcessTransport();
  private final List<TestService> instances = new ArrayList<>();
  private Database database;
  private Shop shop;

  @BeforeEach
  void open() {
    shop = new Shop(postgres.freshDatabase("shop"), transport);
    database = postgres.freshDatabase("stock");
    shop.service.messaging.start();
  }

  @AfterEach
  void close() throws InterruptedException {
    shop.shut();
    instances.forEach(TestService::close);
    shop.close();
  }

  private TestService join(MessagingConfig config) {
    return join(config, (sale, ledger, context) -> ledger.book(sale, context));
  }

  /** What an instance does with a sale. */
  private interface Bookkeeper {
    void take(Sale sale, SaleLedger ledger, MessageContext context) throws Exception;
  }

  private TestService join(MessagingConfig config, Bookkeeper bookkeeper) {
    SaleLedger[] ledger = new SaleLedger[1];
    TestService instance =
        new TestService(
            "stock",
            database,
            builder ->
                builder
                    .transport(transport)
                    .config(config)
                    .subscribe(
                        Subscription.to("shop")
                            .on(
                                Sale.TOPIC,
                                Sale.class,
                                (sale, context) -> bookkeeper.take(sale, ledger[0], context))
                            .build()));
    ledger[0] = new SaleLedger("i" + instances.size(), instance.pool);
    if (instances.isEmpty()) {
      SaleLedger.create(instance);
    }
    instances.add(instance);
    instance.messaging.start();
    return instance;
  }

  private static ConditionFactory await() {
    return Awaitility.await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(50))
        .pollDelay(Duration.ZERO);
  }

  private List<Long> shares() {
    return instances.getFirst().messaging.subscriptions().slots().stream()
        .filter(slot -> slot.owner().isPresent())
        .collect(Collectors.groupingBy(Subscriptions.Slot::owner, Collectors.counting()))
        .values()
        .stream()
        .sorted()
        .toList();
  }

  private void settle(Thread... sellers) throws InterruptedException {
    shop.shut(sellers);
    TestService stock = instances.getFirst();
    await().until(() -> SaleLedger.booked(stock) >= shop.sold());
    assertThat(SaleLedger.booked(stock)).isEqualTo(shop.sold());
    assertThat(SaleLedger.mistakes(stock)).isEmpty();
  }

  @Test
  void shareTheSlotsEvenlyAndKeepTheOrderOfKeysWhileOthersComeAndGo() throws InterruptedException {
    Thread[] sellers = {shop.sellOn("a", 11), shop.sellOn("b", 3), shop.sellOn("c", 1)};
    MessagingConfig config = MessagingConfig.defaults();
    join(config);
    await().until(() -> shares().equals(List.of(4L)));
    TestService second = join(config);
    await().until(() -> shares().equals(List.of(2L, 2L)));
    TestService third = join(config);
    await().until(() -> shares().equals(List.of(1L, 1L, 2L)));

    second.close();
    instances.remove(second);
    await().until(() -> shares().equals(List.of(2L, 2L)));
    third.close();
    instances.remove(third);
    await().until(() -> shares().equals(List.of(4L)));

    settle(sellers);
    assertThat(instances.getFirst().column("SELECT DISTINCT instance FROM sold ORDER BY instance"))
        .containsExactly("i0", "i1", "i2");
  }

  @Test
  void keepTheNumberOfSlotsThatTheSubscriptionWasMadeWith() throws InterruptedException {
    join(MessagingConfig.defaults().slots(5));
    await().until(() -> shares().equals(List.of(5L)));
    join(MessagingConfig.defaults().slots(2));
    await().until(() -> shares().equals(List.of(2L, 3L)));

    for (int i = 0; i < 50; i++) {
      shop.sell("p" + i % 9);
    }
    settle();
  }

  @Test
  void waitForASlowBatchOfTheFormerOwnerAndLoseNoOtherSlotMeanwhile() throws InterruptedException {
    MessagingConfig config = MessagingConfig.defaults().lease(Duration.ofMillis(1500));
    TestService first = join(config);
    await().until(() -> shares().equals(List.of(4L)));
    shop.sell("hold", true);
    await().until(() -> !first.column("SELECT 1 FROM held").isEmpty());
    TestService second = join(config);
    await().until(() -> shares().size() == 2);
    for (int i = 0; i < 200; i++) {
      shop.sell("p" + i % 9);
    }
    Thread.sleep(config.lease().multipliedBy(2));

    assertThat(first.column("SELECT 1 FROM sold WHERE product = 'hold'")).isEmpty();
    second.execute("INSERT INTO go VALUES (true)");
    settle();
    assertThat(first.column("SELECT instance FROM sold WHERE product = 'hold'"))
        .containsExactly("i0");
    await().until(() -> shares().equals(List.of(2L, 2L)));
  }

  @Test
  void takeOverFromAHandlerThatHangsAndInterruptIt() throws InterruptedException {
    MessagingConfig config = MessagingConfig.defaults().lease(Duration.ofMillis(500));
    CountDownLatch never = new CountDownLatch(1);
    AtomicInteger hanging = new AtomicInteger();
    AtomicInteger interrupted = new AtomicInteger();
    join(
        config,
        (sale, ledger, context) -> {
          hanging.incrementAndGet();
          try {
            never.await();
          } catch (InterruptedException e) {
            interrupted.incrementAndGet();
            throw e;
          }
        });
    await().until(() -> shares().equals(List.of(4L)));
    for (int i = 0; i < 40; i++) {
      shop.sell("p" + i);
    }
    await().until(() -> hanging.get() == 4);

    TestService second = join(config);

    await().until(() -> interrupted.get() == 2);
    await().until(() -> shares().equals(List.of(2L, 2L)));
    await().until(() -> SaleLedger.booked(second) > 0);
    never.countDown();
  }

  @Test
  void takeNothingWhileClosing() throws InterruptedException {
    for (int i = 0; i < 5; i++) {
      TestService instance = join(MessagingConfig.defaults());
      instance.messaging.close();
      assertThat(shares()).isEmpty();
      assertThat(instance.column("SELECT id FROM tenon.instance")).isEmpty();
    }
    settle();
  }
}
