package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A subscriber that read a window in part, and whose publisher then no longer knows its position.
 */
class CutWindowIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  record Placed(int number) {}

  /** The process ends in the middle of a handler: nothing of what it had open commits. */
  private static final class Killed extends VirtualMachineError {
    private static final long serialVersionUID = 1L;
  }

  private final InProcessTransport transport = new InProcessTransport();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final Set<Integer> broken = ConcurrentHashMap.newKeySet();
  private final Set<Integer> deadly = ConcurrentHashMap.newKeySet();
  private final Database stockDatabase = postgres.freshDatabase("stock");
  private TestService order;
  private TestService stock;

  private void open(int batchMessagesMax) {
    order =
        new TestService(
            "order",
            postgres.freshDatabase("order"),
            builder ->
                builder
                    .topic(Topic.of("placed", "stock"))
                    .config(MessagingConfig.defaults().batchMessagesMax(batchMessagesMax)));
    transport.serve(order.messaging.feedSource());
    stock = stock();
    stock.execute("CREATE TABLE stored (place serial, number int)");
  }

  private TestService stock() {
    return new TestService(
        "stock",
        stockDatabase,
        builder ->
            builder
                .transport(transport)
                .meters(meters)
                .config(MessagingConfig.defaults().slots(1).pollInterval(Duration.ofMillis(50)))
                .subscribe(
                    Subscription.to("order").on("placed", Placed.class, this::take).build()));
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
    if (deadly.contains(placed.number())) {
      throw new Killed();
    }
  }

  @AfterEach
  void close() {
    stock.close();
    order.close();
  }

  /** One transaction, and so one window. */
  private void place(int... numbers) {
    order.transactions.run(
        unit -> {
          for (int number : numbers) {
            order.messaging.outbox().publish("placed", "key-" + number, new Placed(number));
          }
        });
    order.messaging.runPending();
  }

  private void settle() {
    int idle = 0;
    while (idle < 2) {
      boolean any = order.messaging.runPending();
      try {
        any |= stock.messaging.runPending();
      } catch (MessagingException e) {
        any = true; // A broken stream is opened again by the next pass.
      }
      idle = any ? 0 : idle + 1;
    }
  }

  private List<String> stored() {
    return stock.column("SELECT number FROM stored ORDER BY number");
  }

  private void awaitStored(String... numbers) {
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(
            () -> {
              settle();
              assertThat(stored()).containsExactly(numbers);
            });
  }

  private double lostTails() {
    return meters.counter("tenon.messaging.lost_tail", "subscription", "order/default").count();
  }

  @Test
  void skipsNothingThatIsKeptWhenABatchStoppedWithinAWindowAndThePublisherDroppedIt() {
    open(500);
    place(1, 2);
    place(3, 4);
    place(5, 6);
    broken.add(2);
    deadly.add(3);
    assertThatThrownBy(this::settle).isInstanceOf(Killed.class);
    assertThat(stored()).as("the batch of six was committed up to its second").containsExactly("1");
    stock.close();
    broken.clear();
    deadly.clear();

    order.execute("DELETE FROM tenon.outbox WHERE seq <= 2");
    order.execute("UPDATE tenon.identity SET log_floor = 1");
    stock = stock();

    awaitStored("1", "2", "3", "4", "5", "6");
    assertThat(lostTails()).isEqualTo(1);
  }

  @Test
  void isPastTheWindowWhoseLastMessageWasSetAside() {
    open(500);
    broken.add(2);

    place(1, 2);
    settle();

    assertThat(stored()).containsExactly("1");
    assertThat(
            stock.column(
                "SELECT window_n || ' ' || (seq = " + Cursor.WINDOW_END + ") FROM tenon.slot"))
        .containsExactly("1 true");
    assertThat(stock.column("SELECT window_n FROM tenon.passed_window")).contains("1");
  }

  @Test
  void readsOnAfterTheLastWholeWindowWhenEachWindowWasCutAndThePublisherLostItsTail() {
    open(2);
    for (int window = 0; window < 3; window++) {
      place(3 * window + 1, 3 * window + 2, 3 * window + 3);
      settle();
    }
    assertThat(stored()).hasSize(9);

    order.execute("DELETE FROM tenon.outbox WHERE seq > 6");
    order.execute("DELETE FROM tenon.outbox_window WHERE n > 2");
    place(20, 21, 22);
    place(23);
    place(24);

    awaitStored("1", "2", "3", "4", "5", "6", "7", "8", "9", "20", "21", "22", "23", "24");
    assertThat(lostTails()).isEqualTo(1);
  }
}
