package dev.tenon.cli;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
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

  /**
   * Who receives the messages about orders. Payment is paused first: what inventory holds, locks
   * and prepares for orders then stays so, as payment does not answer.
   */
  private static final List<String> RECEIVERS = List.of("payment", "inventory");

  /** Fewer are answered before anybody could look for messages in flight. */
  private static final int INVOICES_LEAST = 100;

  private final OrderBook input;
  private final DemoServices services;
  private final Progress progress;
  private final Kills kills;
  private final InFlight inFlight;
  private final long started = System.nanoTime();

  private DemoRun(OrderBook input, DemoServices services, InFlight inFlight, Progress progress) {
    this.input = input;
    this.services = services;
    this.inFlight = inFlight;
    this.progress = progress;
    this.kills = new Kills(services, inFlight, progress, modes(input));
  }

  /**
   * Does it all; returns when everything is delivered, or delivery stands still.
   *
   * @return what was killed
   */
  static Kills run(OrderBook input, DemoServices services, Progress progress)
      throws InterruptedException {
    try (InFlight inFlight = InFlight.over(services.state().logins())) {
      DemoRun run = new DemoRun(input, services, inFlight, progress);
      run.loadUsers();
      run.openStock();
      run.feed();
      run.awaitDelivery();
      return run.kills;
    }
  }

  private void loadUsers() throws InterruptedException {
    List<Map<String, Object>> users = new ArrayList<>();
    for (String id : input.customers()) {
      Books.User user = Books.User.of(id);
      users.add(Map.of("id", id, "name", user.name(), "email", user.email()));
    }
    int size = Math.clamp(users.size() / USER_REQUESTS + 1, 1, ROWS_PER_REQUEST_MAX);
    for (int from = 0; from < users.size(); from += size) {
      List<Map<String, Object>> some = users.subList(from, Math.min(from + size, users.size()));
      boolean killed = kills.missing(List.of("user")).isEmpty();
      if (!killed && from + size >= users.size()) {
        kills.whilePaused(List.of("order"), List.of("user"), () -> send(some), () -> true);
      } else {
        send(some);
        if (!killed) {
          kills.ifBusy("user", 1);
        }
      }
    }
    progress.event("Users: " + users.size() + " made");
  }

  private void send(List<Map<String, Object>> users) throws InterruptedException {
    services.api().post("user", "/users", users, DONE);
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

  private void feed() throws InterruptedException {
    List<Invoice> invoices = input.invoices();
    Feeder feeder = new Feeder(services.api(), input);
    long begun = System.nanoTime();
    feeder.start();
    try {
      int parts = VICTIMS.size() + 1;
      for (int part = 1; part <= VICTIMS.size() && invoices.size() >= INVOICES_LEAST; part++) {
        feeder.release(invoices.size() * part / parts);
        killWhileBusy(VICTIMS.get(part - 1), feeder);
      }
      List<String> left = kills.unfinished(VICTIMS);
      if (left.isEmpty()) {
        feeder.release(invoices.size());
      } else {
        kills.whilePaused(RECEIVERS, left, () -> feeder.release(invoices.size()), feeder::idle);
      }
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
        "Orders: %d of %d, %.0f/s, %d messages and %d transactions in flight"
            .formatted(
                feeder.answered(),
                input.invoices().size(),
                feeder.answered() / seconds,
                count.messages(),
                count.transactions()));
  }

  /**
   * Waits for a moment with messages in flight, which the released part of the orders brings: with
   * many if that can be had soon, or else with one. Returns without a kill if all was too fast.
   */
  private void killWhileBusy(String service, Feeder feeder) throws InterruptedException {
    long begun = System.nanoTime();
    boolean idle;
    do {
      idle = feeder.idle();
      boolean patient = !idle && System.nanoTime() - begun < PATIENCE.toNanos();
      if (kills.ifBusy(service, patient ? MANY : 1)) {
        return;
      }
    } while (!idle);
  }

  private void awaitDelivery() throws InterruptedException {
    ServiceLogins logins = services.state().logins();
    long least = Long.MAX_VALUE;
    long lastStep = System.nanoTime();
    while (true) {
      long left = inFlight.count().all();
      if (left == 0) {
        left = outstanding(input, FoundBooks.read(logins));
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
            "Not delivered: %d effects are outstanding or open, and none came for %s"
                .formatted(left, STANDSTILL_MAX));
        return;
      }
      services.checkAlive();
      progress.state("Waiting for delivery: " + left + " in flight or open");
      Thread.sleep(POLL_MILLIS);
    }
  }

  /**
   * Those of which orders get under way: with a line that is not refused at once. So few orders
   * cannot have some on hold and others wait for messages at one moment.
   */
  private static Set<PlaceMode> modes(OrderBook input) {
    Map<String, PlaceMode> dealt = input.modes();
    Set<PlaceMode> modes = EnumSet.noneOf(PlaceMode.class);
    for (Invoice invoice : input.invoices()) {
      if (!invoice.cancellation() && ExpectedBooks.wantsAnything(invoice)) {
        modes.add(requireNonNull(dealt.get(invoice.number())));
      }
    }
    if (input.invoices().size() < INVOICES_LEAST) {
      modes.removeAll(Kills.PROMPT);
    }
    return modes;
  }

  /** How many effects at the far ends of messages are still to come, and what is open. */
  static long outstanding(OrderBook input, Books found) {
    return outstanding(ExpectedBooks.of(input, Demo.CHARGE_LIMIT, found), found);
  }

  static long outstanding(Books expected, Books found) {
    Set<Object> missing = new HashSet<>(expected.movements().keySet());
    missing.removeAll(found.movements().keySet());
    Set<Object> unpaid = new HashSet<>(expected.ledger().keySet());
    unpaid.removeAll(found.ledger().keySet());
    long uncopied = found.copies().equals(found.users()) ? 0 : 1;
    return missing.size() + unpaid.size() + uncopied + found.flaws().size();
  }
}
