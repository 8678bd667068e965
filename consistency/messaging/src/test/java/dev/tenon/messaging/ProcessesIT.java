package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Real processes that are killed, paused and told to end. How long a takeover took is logged, not
 * judged: that depends on the machine.
 */
class ProcessesIT {
  private static final Logger log = LoggerFactory.getLogger(ProcessesIT.class);

  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration DEFAULT_LEASE = MessagingConfig.defaults().lease();

  private final List<Process> processes = new ArrayList<>();
  private Database shopDatabase;
  private Database stockDatabase;
  private Shop shop;
  private TestService stock;
  private Thread[] sellers;

  @BeforeEach
  void openServices() {
    InProcessTransport transport = new InProcessTransport();
    shopDatabase = postgres.freshDatabase("shop");
    stockDatabase = postgres.freshDatabase("stock");
    shop = new Shop(shopDatabase, transport);
    stock = new TestService("stock", stockDatabase, builder -> builder.transport(transport));
    SaleLedger.create(stock);
  }

  private void start(Duration lease) throws IOException {
    for (String name : List.of("one", "two")) {
      processes.add(InstanceMain.start(name, shopDatabase, stockDatabase, lease));
    }
    sellers = new Thread[] {shop.sellOn("a", 7), shop.sellOn("b", 7)};
    await().until(() -> owners().values().stream().sorted().toList().equals(List.of(2L, 2L)));
  }

  @AfterEach
  void stop() throws InterruptedException {
    shop.shut(sellers);
    for (Process process : processes) {
      process.destroyForcibly();
    }
    stock.close();
    shop.close();
  }

  private static ConditionFactory await() {
    return Awaitility.await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(20))
        .pollDelay(Duration.ZERO);
  }

  /** How many slots each instance owns. */
  private Map<String, Long> owners() {
    return stock.messaging.subscriptions().slots().stream()
        .map(slot -> slot.owner().orElse("nobody"))
        .collect(Collectors.groupingBy(owner -> owner, Collectors.counting()));
  }

  private List<Long> windows() {
    return stock.messaging.subscriptions().slots().stream()
        .map(Subscriptions.Slot::window)
        .toList();
  }

  private boolean allMoved(List<Long> before) {
    List<Long> now = windows();
    for (int i = 0; i < before.size(); i++) {
      if (now.get(i) <= before.get(i)) {
        return false;
      }
    }
    return true;
  }

  private void settle() throws InterruptedException {
    shop.shut(sellers);
    await().until(() -> SaleLedger.booked(stock) >= shop.sold());
    assertThat(SaleLedger.booked(stock)).isEqualTo(shop.sold());
    assertThat(SaleLedger.mistakes(stock)).isEmpty();
  }

  private static long since(long begun) {
    return Duration.ofNanos(System.nanoTime() - begun).toMillis();
  }

  @Test
  void takesTheSlotsOfAKilledProcessOverAndDoesEverythingOnce()
      throws InterruptedException, IOException {
    start(DEFAULT_LEASE);
    await().until(() -> SaleLedger.booked(stock) > 100);
    List<Long> before = windows();
    long begun = System.nanoTime();
    processes.getFirst().destroyForcibly();

    await().until(() -> owners().containsValue(4L) && allMoved(before));

    log.atWarn().addKeyValue("millis", since(begun)).log("killed process taken over");
    settle();
  }

  @Test
  void isNotHarmedByAProcessThatIsPausedWithItsTransactionOpenAndComesBack()
      throws InterruptedException, IOException {
    start(DEFAULT_LEASE);
    shop.sell("hold", true);
    await().until(() -> stock.column("SELECT instance FROM held").size() == 1);
    String holder = stock.column("SELECT instance FROM held").getFirst();
    Process paused = processes.get(holder.equals("one") ? 0 : 1);
    long begun = System.nanoTime();
    signal("-STOP", paused);

    await().until(() -> !stock.column("SELECT 1 FROM sold WHERE product = 'hold'").isEmpty());

    log.atWarn().addKeyValue("millis", since(begun)).log("paused process taken over");
    assertThat(stock.column("SELECT instance FROM sold WHERE product = 'hold'"))
        .containsExactly(holder.equals("one") ? "two" : "one");
    stock.execute("INSERT INTO go VALUES (true)");
    signal("-CONT", paused);
    await().until(() -> owners().values().stream().sorted().toList().equals(List.of(2L, 2L)));
    List<Long> before = windows();
    await().until(() -> allMoved(before));
    settle();
  }

  private static void signal(String signal, Process process)
      throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("kill", signal, Long.toString(process.pid())).start();
    assertThat(kill.waitFor()).isZero();
  }

  @Test
  void handsSlotsOverWithoutWaitingForALeaseWhenAProcessIsToldToEndAndExitsWithZero()
      throws InterruptedException, IOException {
    start(PATIENCE.multipliedBy(5));
    List<Long> before = windows();
    Process ending = processes.getFirst();
    long begun = System.nanoTime();
    ending.destroy();

    await().until(() -> owners().containsValue(4L) && allMoved(before));

    log.atWarn().addKeyValue("millis", since(begun)).log("ending process taken over");
    assertThat(ending.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(ending.exitValue()).isZero();
    settle();
  }
}
