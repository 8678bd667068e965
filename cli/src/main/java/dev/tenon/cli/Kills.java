package dev.tenon.cli;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/**
 * Kills services of a demo with {@code kill -9} and starts them again. A kill counts only if
 * messages were in flight for the service when it was dead, by SQL; and for a mode only if orders
 * of it were under way then. Not thread-safe.
 */
final class Kills {
  /** How often a service is killed at a moment that was found; then one is made. */
  static final int FOUND_MAX = 3;

  /** How long services are paused until a message is in flight. */
  static final Duration PAUSE_MAX = Duration.ofSeconds(20);

  /** How long paused services are kept for orders of each mode to be under way. */
  static final Duration MODES_MAX = Duration.ofSeconds(10);

  private static final int POLL_MILLIS = 20;

  /** Modes of which an order is under way only while it has branches. */
  static final Set<PlaceMode> PROMPT =
      EnumSet.of(PlaceMode.TCC, PlaceMode.AT, PlaceMode.XA, PlaceMode.MIXED);

  /** User has nothing to do with orders. */
  private static final List<String> OF_ORDERS = List.of("order", "inventory", "payment");

  private final DemoServices services;
  private final InFlight inFlight;
  private final Progress progress;
  private final Set<PlaceMode> modes;
  private final List<Kill> kills = new ArrayList<>();

  /**
   * Has killed nothing yet.
   *
   * @param modes those of which the input has orders that get under way
   */
  Kills(DemoServices services, InFlight inFlight, Progress progress, Set<PlaceMode> modes) {
    this.services = services;
    this.inFlight = inFlight;
    this.progress = progress;
    this.modes = modes.isEmpty() ? Set.of() : EnumSet.copyOf(modes);
  }

  /** How the moment of a kill came about. */
  enum Moment {
    /** Messages were seen in flight, and the running service was killed. */
    FOUND,
    /** Receivers of its messages were paused first, so that some had to be in flight. */
    MADE
  }

  /**
   * A service that was killed.
   *
   * @param messagesInFlight how many messages the service had sent or was to receive, counted when
   *     it was dead
   * @param ordersInFlight how many orders of each mode were under way then
   */
  record Kill(
      String service,
      long pid,
      long messagesInFlight,
      Map<PlaceMode, Long> ordersInFlight,
      Moment moment) {}

  /** Work that brings messages. */
  interface Work {
    void run() throws InterruptedException;
  }

  /** In the order of time, with those that found nothing in flight. */
  List<Kill> all() {
    return List.copyOf(kills);
  }

  /** Those of the services that were not killed yet while messages were in flight. */
  List<String> missing(List<String> of) {
    Set<String> missing = new LinkedHashSet<>(of);
    kills.stream()
        .filter(kill -> kill.messagesInFlight > 0)
        .forEach(kill -> missing.remove(kill.service));
    return List.copyOf(missing);
  }

  /** Those of these modes of which no order was under way at any kill of the service. */
  private Set<PlaceMode> missingModes(String service) {
    Set<PlaceMode> missing = EnumSet.noneOf(PlaceMode.class);
    if (OF_ORDERS.contains(service)) {
      missing.addAll(modes);
    }
    kills.stream()
        .filter(kill -> kill.service.equals(service))
        .forEach(kill -> missing.removeIf(mode -> kill.ordersInFlight.getOrDefault(mode, 0L) > 0));
    return missing;
  }

  /** Service and mode, as {@code order/tcc}, where no kill has met an order under way. */
  List<String> missingModes() {
    return OF_ORDERS.stream()
        .flatMap(service -> missingModes(service).stream().map(mode -> service + "/" + mode.text()))
        .toList();
  }

  /** Those of the services for which a message or a mode is still missing. */
  List<String> unfinished(List<String> of) {
    List<String> missing = missing(of);
    return of.stream()
        .filter(service -> missing.contains(service) || !missingModes(service).isEmpty())
        .toList();
  }

  /** Whether enough is under way to kill a service: messages for it, and orders of each mode. */
  private boolean isBusy(String service, int least) {
    InFlight.Count count = inFlight.count();
    return count.of(service) >= least && (least <= 1 || count.has(missingModes(service)));
  }

  /**
   * Kills a service if enough messages are in flight for it, and returns when it is ready again. If
   * more than one is wanted, orders of each mode are too.
   *
   * @return whether that counts
   */
  boolean ifBusy(String service, int least) throws InterruptedException {
    boolean tired = kills.stream().filter(one -> one.service.equals(service)).count() >= FOUND_MAX;
    if (tired || !isBusy(service, least)) {
      return false;
    }
    kill(service, Moment.FOUND);
    startAgain(List.of(service));
    return missing(List.of(service)).isEmpty();
  }

  /**
   * Makes the moment: pauses services, does work that sends them messages, and kills the victims
   * while these wait. If orders are wanted that are under way only while they have branches, only
   * the first service is paused before the work, so that the other one opens branches. A victim for
   * which the work brings nothing that is still missing is left alone.
   *
   * @param settled whether the work will bring nothing more
   */
  void whilePaused(List<String> paused, List<String> victims, Work work, BooleanSupplier settled)
      throws InterruptedException {
    Set<PlaceMode> wanted = EnumSet.noneOf(PlaceMode.class);
    victims.forEach(service -> wanted.addAll(missingModes(service)));
    int before = wanted.stream().anyMatch(PROMPT::contains) ? 1 : paused.size();
    List<String> killed = new ArrayList<>();
    List<String> standing = new ArrayList<>();
    try {
      for (String service : paused) {
        services.pause(service);
        standing.add(service);
        if (standing.size() == before) {
          work.run();
          awaitModes(wanted, settled);
        }
      }
      for (String service : victims) {
        if (awaitMessage(service, settled)) {
          killed.add(service);
        } else {
          progress.event("Not killed: " + service + ", since the orders bring no message for it");
        }
      }
      for (String service : killed) {
        kill(service, Moment.MADE);
      }
    } finally {
      for (String service : standing) {
        if (!killed.contains(service)) {
          services.resume(service);
        }
      }
    }
    startAgain(killed);
  }

  private void awaitModes(Set<PlaceMode> wanted, BooleanSupplier settled)
      throws InterruptedException {
    long started = System.nanoTime();
    while (!inFlight.count().has(wanted)
        && !settled.getAsBoolean()
        && System.nanoTime() - started < MODES_MAX.toNanos()) {
      Thread.sleep(POLL_MILLIS);
    }
  }

  /** A service that was killed with messages in flight needs no more of them. */
  private boolean awaitMessage(String service, BooleanSupplier settled)
      throws InterruptedException {
    if (missing(List.of(service)).isEmpty()) {
      return true;
    }
    long started = System.nanoTime();
    while (true) {
      boolean last = settled.getAsBoolean();
      InFlight.Count count = inFlight.count();
      if (count.of(service) > 0) {
        return true;
      }
      if (last) {
        return false;
      }
      if (System.nanoTime() - started > PAUSE_MAX.toNanos()) {
        return false; // what is left waits for the paused services
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  private void kill(String service, Moment moment) throws InterruptedException {
    long pid = services.pid(service);
    services.kill(service);
    InFlight.Count count = inFlight.count();
    Kill kill = new Kill(service, pid, count.of(service), count.orders(), moment);
    kills.add(kill);
    progress.event(
        "kill -9 %d (%s) with %s in flight%s; starting it again"
            .formatted(pid, service, messages(kill), orders(kill)));
  }

  private void startAgain(List<String> names) throws InterruptedException {
    names.forEach(services::startAgain);
    services.awaitReady(names, progress);
  }

  /** For JSON: the same under stable names. */
  List<Map<String, Object>> json() {
    return kills.stream().map(Kills::json).toList();
  }

  private static Map<String, Object> json(Kill kill) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("service", kill.service);
    json.put("pid", kill.pid);
    json.put("messagesInFlight", kill.messagesInFlight);
    Map<String, Long> orders = new LinkedHashMap<>();
    for (PlaceMode mode : PlaceMode.values()) {
      orders.put(mode.text(), kill.ordersInFlight.getOrDefault(mode, 0L));
    }
    json.put("ordersInFlight", orders);
    json.put("moment", kill.moment);
    return json;
  }

  /** For people: a line for each kill, and one for each service and mode that was missed. */
  String text() {
    StringBuilder text = new StringBuilder("Killed with kill -9, and started again:\n");
    for (Kill kill : kills) {
      text.append(
          "  %-10s with %s in flight%s%n".formatted(kill.service, messages(kill), orders(kill)));
    }
    for (String service : missing(DemoHome.SERVICES)) {
      text.append("  %-10s not killed while a message was in flight%n".formatted(service));
    }
    for (String missed : missingModes()) {
      text.append("  %s: not killed while such an order was under way%n".formatted(missed));
    }
    return text.toString();
  }

  private static String orders(Kill kill) {
    return OF_ORDERS.contains(kill.service)
        ? ", orders by "
            + Arrays.stream(PlaceMode.values())
                .map(mode -> mode.text() + ": " + kill.ordersInFlight.getOrDefault(mode, 0L))
                .collect(Collectors.joining(", "))
        : "";
  }

  private static String messages(Kill kill) {
    long count = kill.messagesInFlight;
    return count == 1 ? "1 message" : (count == 0 ? "no" : count) + " messages";
  }
}
