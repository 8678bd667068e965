package dev.tenon.cli;

import dev.tenon.cli.AuditReport.Difference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Orders without end, at an even pace, in rounds with users and products of their own, and what
 * their clients were told. Thread-safe.
 */
final class TortureLoad {
  /** How many invoices are sent in a second, while the services answer. */
  static final int PER_SECOND = 12;

  /** How many may wait for an answer until no more are sent. */
  private static final int WAITING_MAX = 100;

  private static final int POLL_MILLIS = 100;
  private static final Set<Integer> DONE = Set.of(200);

  private final ServiceApi api;
  private final List<Feeder> feeders = new ArrayList<>();
  private final List<Invoice> invoices = new ArrayList<>();
  private final Map<String, Long> scarce = new HashMap<>();
  private final ConcurrentMap<String, Told> told = new ConcurrentHashMap<>();
  private final AtomicInteger sent = new AtomicInteger();
  private final Thread thread = Thread.ofVirtual().name("load").unstarted(this::run);
  private volatile boolean last;
  private volatile @Nullable RuntimeException failure;

  /**
   * What a client was told of an order.
   *
   * @param status such as CONFIRMED; PENDING if it will be told later
   */
  private record Told(PlaceMode mode, String status) {}

  TortureLoad(ServiceApi api) {
    this.api = api;
  }

  void start() {
    thread.start();
  }

  /** Lets the round that is under way be the last one. */
  void finish() {
    last = true;
  }

  /** Ends at once. */
  void stop() {
    last = true;
    thread.interrupt();
    feeders().forEach(Feeder::stop);
  }

  /** Whether the last round is sent and answered; fails if an answer was a failure. */
  boolean idle() {
    check();
    boolean all = true;
    for (Feeder feeder : feeders()) {
      all &= feeder.idle();
    }
    return all && !thread.isAlive();
  }

  /** Fails if an answer was a failure. */
  void check() {
    RuntimeException failed = failure;
    if (failed != null) {
      throw failed;
    }
    feeders().forEach(Feeder::idle);
  }

  int answered() {
    return feeders().stream().mapToInt(Feeder::answered).sum();
  }

  int sent() {
    return sent.get();
  }

  /** All that was sent. */
  synchronized OrderBook book() {
    return new OrderBook("torture", invoices, scarce);
  }

  private synchronized List<Feeder> feeders() {
    return List.copyOf(feeders);
  }

  private void run() {
    try {
      for (int round = 0; !last; round++) {
        round(GeneratedOrders.round(round));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      failure = e;
    }
  }

  private void round(OrderBook book) throws InterruptedException {
    Books expected = ExpectedBooks.of(book, Demo.CHARGE_LIMIT);
    List<Map<String, Object>> users = new ArrayList<>();
    expected
        .users()
        .forEach(
            (id, user) -> users.add(Map.of("id", id, "name", user.name(), "email", user.email())));
    api.post("user", "/users", users, DONE);
    List<Map<String, Object>> stock = new ArrayList<>();
    ExpectedBooks.openingStock(book)
        .forEach((code, pieces) -> stock.add(Map.of("stockCode", code, "quantity", pieces)));
    api.post("inventory", "/stock", stock, DONE);
    Map<String, PlaceMode> modes = book.modes();
    Feeder feeder = new Feeder(api, book, (invoice, answer) -> answered(invoice, modes, answer));
    synchronized (this) {
      invoices.addAll(book.invoices());
      scarce.putAll(book.scarce());
      feeders.add(feeder);
    }
    feeder.start();
    for (int next = 1; next <= book.invoices().size(); next++) {
      while (sent() - answered() >= WAITING_MAX) {
        Thread.sleep(POLL_MILLIS);
      }
      feeder.release(next);
      sent.incrementAndGet();
      Thread.sleep(Duration.ofSeconds(1).dividedBy(PER_SECOND));
    }
  }

  private void answered(Invoice invoice, Map<String, PlaceMode> modes, JsonNode answer) {
    PlaceMode mode = modes.get(invoice.number());
    if (mode != null) {
      // A problem document has a number there: nothing of the order could be taken.
      JsonNode said = answer.path("status");
      String status = said.isString() ? said.asString() : "REJECTED";
      told.put(invoice.number(), new Told(mode, status));
    }
  }

  /** Orders of which a client was told something else than what became of them. */
  List<Difference> broken(Books found) {
    List<Difference> broken = new ArrayList<>();
    told.forEach(
        (number, one) -> {
          String is =
              Optional.ofNullable(found.orders().get(number)).map(Books.Order::status).orElse("");
          boolean kept = one.status.equals("PENDING") ? !is.isEmpty() : is.equals(one.status);
          if (!kept) {
            broken.add(
                new Difference(
                    Optional.of(one.mode),
                    "order " + number + ", as its client was told",
                    one.status,
                    is.isEmpty() ? "none" : is));
          }
        });
    return broken;
  }

  /** How many orders have each outcome, by mode. */
  Map<String, Map<String, Integer>> outcomes(Books found) {
    Map<String, Map<String, Integer>> outcomes = new TreeMap<>();
    told.forEach(
        (number, one) -> {
          String is =
              Optional.ofNullable(found.orders().get(number))
                  .map(Books.Order::status)
                  .orElse("missing");
          outcomes
              .computeIfAbsent(one.mode.text(), mode -> new TreeMap<>())
              .merge(is, 1, Integer::sum);
        });
    return outcomes;
  }
}
