package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.runtime.Backoff;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The meters as docs/operating.md lists them: their names, tags and values. */
class MetersIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final String ID = "order/default";

  record Placed(int number) {}

  private final InProcessTransport transport = new InProcessTransport();
  private final Database stockDatabase = postgres.freshDatabase("stock");
  private final Set<Integer> broken = ConcurrentHashMap.newKeySet();
  private final SimpleMeterRegistry ofOrder = new SimpleMeterRegistry();
  private final SimpleMeterRegistry ofStock = new SimpleMeterRegistry();
  private TestService order;
  private TestService stock;

  @BeforeEach
  void open() {
    order =
        new TestService(
            "order",
            postgres.freshDatabase("order"),
            builder ->
                builder
                    .topic(Topic.of("placed", "stock"))
                    .meters(ofOrder)
                    .config(MessagingConfig.defaults().batchMessagesMax(2)));
    transport.serve(order.messaging.feedSource());
    stock = stock(ofStock);
  }

  private TestService stock(SimpleMeterRegistry meters) {
    return new TestService(
        "stock",
        stockDatabase,
        builder ->
            builder
                .transport(transport)
                .meters(meters)
                .config(
                    MessagingConfig.defaults()
                        .slots(1)
                        .attemptsMax(2)
                        .pollInterval(Duration.ofMillis(10))
                        .backoff(new Backoff(Duration.ofMillis(1), Duration.ofMillis(2))))
                .subscribe(
                    Subscription.to("order").on("placed", Placed.class, this::take).build()));
  }

  private void take(Placed placed, MessageContext context) {
    if (broken.contains(placed.number())) {
      throw new IllegalStateException("broken");
    }
  }

  @AfterEach
  void close() {
    stock.close();
    order.close();
  }

  private void place(int... numbers) {
    order.transactions.run(
        unit -> {
          for (int number : numbers) {
            order.messaging.outbox().publish("placed", "key-" + number, new Placed(number));
          }
        });
  }

  private void awaitParked() {
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () -> {
              boolean unused = stock.messaging.runPending();
              return stock.messaging.failedMessages().list(FailedMessages.Filter.PARKED, 10).size()
                  == 1;
            });
  }

  private static double counter(SimpleMeterRegistry meters, String name) {
    return meters.get("tenon.messaging." + name).tag("subscription", ID).counter().count();
  }

  private static double gauge(SimpleMeterRegistry meters, String name) {
    return meters.get("tenon.messaging." + name).tag("subscription", ID).gauge().value();
  }

  @Test
  void countThroughputLagScanLengthRetriesAndWhatIsParked() throws IOException {
    place(1, 2, 3);
    place(4, 5);
    order.messaging.runPending();
    assertThat(ofOrder.get("tenon.messaging.published").counter().count()).isEqualTo(5);
    assertThat(ofOrder.get("tenon.messaging.windows").counter().count()).isEqualTo(1);
    assertThat(ofOrder.get("tenon.messaging.window.messages").summary().totalAmount()).isEqualTo(5);

    broken.add(5);
    stock.messaging.runPending(); // tells the position
    stock.messaging.runPending();
    assertThat(counter(ofStock, "delivered")).isEqualTo(2);
    assertThat(gauge(ofStock, "lag")).isEqualTo(3);
    assertThat(ofStock.get("tenon.messaging.lag").gauge().getId().getTags())
        .containsExactlyInAnyOrder(Tag.of("subscription", ID), Tag.of("slot", "0"));

    awaitParked();
    assertThat(counter(ofStock, "delivered")).isEqualTo(4);
    assertThat(gauge(ofStock, "lag")).isZero();
    assertThat(counter(ofStock, "failures")).isEqualTo(2);
    assertThat(counter(ofStock, "retries")).isEqualTo(1);
    assertThat(ofStock.get("tenon.messaging.batch").tag("subscription", ID).timer().count())
        .isPositive();
    assertThat(ofOrder.get("tenon.messaging.scan.rows").summary().totalAmount())
        .isBetween(5.0, 10.0);

    Set<String> names = new TreeSet<>(names(ofStock));
    names.addAll(names(ofOrder));
    names.addAll(meetsTheNextInstance());
    assertThat(Files.readString(operating()))
        .as("docs/operating.md names every meter seen")
        .contains(names.stream().map(name -> "`" + name + "`").toList());
    assertThat(names).hasSizeGreaterThanOrEqualTo(12);
  }

  /** A second instance takes over from one that does not renew, and counts what it finds. */
  private Set<String> meetsTheNextInstance() {
    SimpleMeterRegistry meters = new SimpleMeterRegistry();
    stock.execute("UPDATE tenon.slot SET lease_until = '-infinity'");
    try (TestService next = stock(meters)) {
      next.messaging.start();
      Awaitility.await()
          .atMost(Duration.ofSeconds(60))
          .ignoreExceptions()
          .untilAsserted(
              () -> {
                assertThat(counter(meters, "takeovers")).isEqualTo(1);
                assertThat(gauge(meters, "failed")).isEqualTo(1);
                assertThat(gauge(meters, "parked")).isEqualTo(1);
              });
      return names(meters);
    }
  }

  private static Set<String> names(SimpleMeterRegistry meters) {
    return meters.getMeters().stream()
        .map(Meter::getId)
        .map(Meter.Id::getName)
        .collect(Collectors.toSet());
  }

  private static Path operating() {
    Path directory = Path.of("").toAbsolutePath();
    while (!Files.exists(directory.resolve("docs/operating.md"))) {
      directory = directory.getParent();
    }
    return directory.resolve("docs/operating.md");
  }

  @Test
  void countARolledBackMessageNowhere() {
    try {
      order.transactions.run(
          unit -> {
            order.messaging.outbox().publish("placed", new Placed(1));
            throw new IllegalStateException("changed my mind");
          });
    } catch (IllegalStateException e) {
      assertThat(e).hasMessage("changed my mind");
    }
    order.messaging.runPending();

    assertThat(ofOrder.get("tenon.messaging.published").counter().count()).isZero();
    assertThat(ofOrder.get("tenon.messaging.windows").counter().count()).isZero();
  }
}
