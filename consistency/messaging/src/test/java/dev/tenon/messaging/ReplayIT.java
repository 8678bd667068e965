package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.runtime.Backoff;
import dev.tenon.runtime.Json;
import dev.tenon.testing.database.PostgresExtension;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Parked messages are replayed and dropped while more messages of their keys keep coming. */
class ReplayIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final int PRODUCTS = 3;
  private static final int ROUNDS = 12;

  private final InProcessTransport transport = new InProcessTransport();
  private final Set<String> broken = ConcurrentHashMap.newKeySet();
  private final Set<String> inHand = ConcurrentHashMap.newKeySet();
  private final Set<String> overlaps = ConcurrentHashMap.newKeySet();
  private final List<String> dropped = new ArrayList<>();
  private Shop shop;
  private TestService stock;

  @BeforeEach
  void open() {
    SaleLedger ledger = new SaleLedger("only", postgres.server().superuserDataSource("postgres"));
    shop = new Shop(postgres.freshDatabase("shop"), transport);
    stock =
        new TestService(
            "stock",
            postgres.freshDatabase("stock"),
            builder ->
                builder
                    .transport(transport)
                    .config(
                        MessagingConfig.defaults()
                            .attemptsMax(1)
                            .slots(2)
                            .pollInterval(Duration.ofMillis(20))
                            .backoff(new Backoff(Duration.ofMillis(1), Duration.ofMillis(20))))
                    .subscribe(
                        Subscription.to("shop")
                            .on(
                                Sale.TOPIC,
                                Sale.class,
                                (sale, context) -> handle(sale, context, ledger))
                            .build()));
    SaleLedger.create(stock);
    shop.service.messaging.start();
    stock.messaging.start();
  }

  private void handle(Sale sale, MessageContext context, SaleLedger ledger) throws Exception {
    if (!inHand.add(sale.product())) {
      overlaps.add(sale.product());
    }
    try {
      ledger.book(sale, context);
      if (broken.contains(sale.product())) {
        throw new IllegalStateException(sale.product() + " is broken");
      }
    } finally {
      inHand.remove(sale.product());
    }
  }

  @AfterEach
  void close() {
    stock.close();
    shop.close();
  }

  private static ConditionFactory await() {
    return Awaitility.await().atMost(Duration.ofSeconds(60)).pollInterval(Duration.ofMillis(10));
  }

  private List<FailedMessages.FailedMessage> failed(FailedMessages.Filter filter) {
    return stock.messaging.failedMessages().list(filter, 10_000);
  }

  private List<UUID> parked(String product) {
    return failed(FailedMessages.Filter.PARKED).stream()
        .map(FailedMessages.FailedMessage::message)
        .filter(message -> message.key().orElseThrow().equals(product))
        .map(Message::id)
        .toList();
  }

  private int behind(String product) {
    return (int)
        failed(FailedMessages.Filter.ALL).stream()
            .filter(one -> one.state() == FailedMessages.State.BEHIND)
            .filter(one -> one.message().key().orElseThrow().equals(product))
            .count();
  }

  /** Lets a product's messages pile up behind a parked one, then has that replayed or dropped. */
  private void breakAndMend(String product, boolean drop) {
    broken.add(product);
    await().until(() -> parked(product).size() == 1 && behind(product) >= 3);
    UUID head = parked(product).getFirst();
    if (drop) {
      Message message = stock.messaging.failedMessages().find(head).getFirst().message();
      Sale sale = Json.read(message.payload(), Sale.class);
      assertThat(stock.messaging.failedMessages().drop(List.of(head))).isEqualTo(1);
      dropped.add(sale.product() + " " + sale.number());
      await().until(() -> parked(product).stream().anyMatch(id -> !id.equals(head)));
    }
    broken.remove(product);
    assertThat(stock.messaging.failedMessages().replay(parked(product))).isEqualTo(1);
  }

  @Test
  void keepsTheOrderOfAKeyAndHandlesItByOneAtATimeWhenReplayedOrDroppedUnderLoad()
      throws InterruptedException {
    Thread[] sellers = {shop.sellOn("a", PRODUCTS), shop.sellOn("b", PRODUCTS)};
    for (int round = 0; round < ROUNDS; round++) {
      breakAndMend((round % 2 == 0 ? "a" : "b") + round % PRODUCTS, round % 3 == 0);
    }
    shop.shut(sellers);

    await().until(() -> SaleLedger.booked(stock) >= shop.sold() - dropped.size());
    assertThat(SaleLedger.booked(stock)).isEqualTo(shop.sold() - dropped.size());
    assertThat(SaleLedger.mistakes(stock)).isEmpty();
    assertThat(overlaps).as("keys that two threads handled at once").isEmpty();
    assertThat(dropped).hasSize(ROUNDS / 3);
    assertThat(stock.column("SELECT product || ' ' || number FROM sold"))
        .doesNotContainAnyElementsOf(dropped);
    assertThat(failed(FailedMessages.Filter.ALL)).isEmpty();
  }
}
