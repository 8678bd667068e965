package dev.tenon.cli;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The work of a demo: users, stock and orders over HTTP, each service killed once while messages
 * are in flight, until everything is delivered.
 */
final class DemoRun {
  /** How long delivery may stand still before the audit is made all the same. */
  static final Duration STANDSTILL_MAX = Duration.ofSeconds(60);

  private static final int ROWS_PER_REQUEST_MAX = 10_000;
  private static final int USER_REQUESTS = 20;
  private static final int POLL_MILLIS = 200;
  private static final int MANY = 5;
  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final Set<Integer> DONE = Set.of(200);

  /** Killed in this order while orders flow; user is killed while users are copied. */
  private static final List<String> VICTIMS = List.of("inventory", "payment", "order");

  private final OrderBook input;
  private final DemoServices services;
  private final Progress progress;
  private final List<Kill> kills = new ArrayList<>();
  private final long started = System.nanoTime();

  /**
   * A service that was killed.
   *
   * @param messagesInFlight how many messages the service had sent or was to receive, by SQL, just
   *     before
   */
  record Kill(String service, long pid, long messagesInFlight) {}

  DemoRun(OrderBook input, DemoServices services, Progress progress) {
    this.input = input;
    this.services = services;
    this.progress = progress;
  }

  List<Kill> kills() {
    return List.copyOf(kills);
  }

  /** Does it all; returns when everything is delivered, or delivery stands still. */
  void run() throws InterruptedException {
    try (InFlight inFlight = InFlight.over(services.state().logins())) {
      loadUsers(inFlight);
      openStock();
      feed(inFlight);
      awaitDelivery(inFlight);
    }
  }

  private void loadUsers(InFlight inFlight) throws InterruptedException {
    List<Map<String, Object>> users = new ArrayList<>();
    for (String id : input.customers()) {
      Books.User user = Books.User.of(id);
      users.add(Map.of("id", id, "name", user.name(), "email", user.email()));
    }
    int size = Math.clamp(users.size() / USER_REQUESTS + 1, 1, ROWS_PER_REQUEST_MAX);
    for (int from = 0; from < users.size(); from += size) {
      List<Map<String, Object>> some = users.subList(from, Math.min(from + size, users.size()));
      services.api().post("user", "/users", some, DONE);
      if (kills.isEmpty()) {
        killIfBusy("user", 1, inFlight);
      }
    }
    progress.event("Users: " + users.size() + " made");
  }

  private void openStock() throws InterruptedException {
    List<Map<String, Object>> stock = new ArrayList<>();
    ExpectedBooks.openingStock(input)
        .forEach((code, pieces) -> stock.add(Map.of("stockCode", code, "quantity", pieces)));
    for (int from = 0; from < stock.size(); from += ROWS_PER_REQUEST_MAX) {
      int to = Math.min(from + ROWS_PER_REQUEST_MAX, stock.size());
      services.api().post("inventory", "/stock", stock.subList(from, to), DONE);
    }
    progress.event("Stock: " + stock.size() + " products opened");
  }

  private void feed(InFlight inFlight) throws InterruptedException {
    List<Invoice> invoices = input.invoices();
    Feeder feeder = new Feeder(services.api(), invoices);
    long begun = System.nanoTime();
    feeder.start();
    try {
      int parts = VICTIMS.size() + 1;
      for (int part = 1; part <= VICTIMS.size(); part++) {
        feeder.release(invoices.size() * part / parts);
        killWhileBusy(VICTIMS.get(part - 1), inFlight, feeder);
      }
      feeder.release(invoices.size());
      while (!feeder.idle()) {
        show(feeder, inFlight.count(), begun);
        services.checkAlive();
        Thread.sleep(POLL_MILLIS);
      }
    } finally {
      feeder.stop();
    }
    progress.event(
        "Orders: %d invoices answered in %.1f s, %d requests were repeated"
            .formatted(
                feeder.answered(), (System.nanoTime() - begun) / 1e9, services.api().repeats()));
  }

  private void show(Feeder feeder, InFlight.Count count, long begun) {
    double seconds = (System.nanoTime() - begun) / 1e9;
    progress.state(
        "Orders: %d of %d, %.0f/s, %d messages in flight"
            .formatted(
                feeder.answered(),
                input.invoices().size(),
                feeder.answered() / seconds,
                count.all()));
  }

  /**
   * Waits for a moment with messages in flight, which the released part of the orders brings: with
   * many if that can be had soon, or else with one.
   */
  private void killWhileBusy(String service, InFlight inFlight, Feeder feeder)
      throws InterruptedException {
    long begun = System.nanoTime();
    boolean idle;
    do {
      idle = feeder.idle();
      boolean patient = !idle && System.nanoTime() - begun < PATIENCE.toNanos();
      if (killIfBusy(service, patient ? MANY : 1, inFlight)) {
        return;
      }
    } while (!idle);
    progress.event("Could not kill " + service + " in time: its messages were too fast.");
  }

  private boolean killIfBusy(String service, int least, InFlight inFlight)
      throws InterruptedException {
    long count = inFlight.count().of(service);
    if (count < least) {
      return false;
    }
    long pid = services.pid(service);
    services.kill(service);
    kills.add(new Kill(service, pid, count));
    progress.event(
        "kill -9 %d (%s) with %d message%s in flight; starting it again"
            .formatted(pid, service, count, count == 1 ? "" : "s"));
    services.startAgain(service);
    services.awaitReady(List.of(service), progress);
    return true;
  }

  private void awaitDelivery(InFlight inFlight) throws InterruptedException {
    Books expected = ExpectedBooks.of(input, Demo.CHARGE_LIMIT);
    ServiceLogins logins = services.state().logins();
    long least = Long.MAX_VALUE;
    long lastStep = System.nanoTime();
    while (true) {
      long left = inFlight.count().all();
      if (left == 0) {
        left = outstanding(expected, FoundBooks.read(logins));
      }
      if (left == 0) {
        progress.event(
            "Delivered: everything, %.1f s after the start of work"
                .formatted((System.nanoTime() - started) / 1e9));
        return;
      }
      if (left < least) {
        least = left;
        lastStep = System.nanoTime();
      } else if (System.nanoTime() - lastStep > STANDSTILL_MAX.toNanos()) {
        progress.event(
            "Not delivered: %d effects are outstanding, and none came for %s"
                .formatted(left, STANDSTILL_MAX));
        return;
      }
      services.checkAlive();
      progress.state("Waiting for delivery: " + left + " messages in flight");
      Thread.sleep(POLL_MILLIS);
    }
  }

  /** How many effects at the far ends of messages are still to come. */
  static long outstanding(Books expected, Books found) {
    Set<Object> missing = new HashSet<>(expected.movements().keySet());
    missing.removeAll(found.movements().keySet());
    Set<Object> unpaid = new HashSet<>(expected.ledger().keySet());
    unpaid.removeAll(found.ledger().keySet());
    long uncopied = found.copies().equals(found.users()) ? 0 : 1;
    return missing.size() + unpaid.size() + uncopied;
  }

  /** For JSON. */
  Map<String, Object> json(AuditReport report) {
    Map<String, Object> json = new LinkedHashMap<>(report.json());
    json.put("kills", kills);
    json.put("urls", services.urls());
    return json;
  }
}
