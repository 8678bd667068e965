package dev.tenon.cli;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * Kills services of a demo with {@code kill -9} and starts them again. A kill counts only if
 * messages were in flight for the service when it was dead, by SQL. Not thread-safe.
 */
final class Kills {
  /** How often a service is killed at a moment that was found; then one is made. */
  static final int FOUND_MAX = 3;

  /** How long services are paused until a message is in flight. */
  static final Duration PAUSE_MAX = Duration.ofSeconds(20);

  private static final int POLL_MILLIS = 20;

  private final DemoServices services;
  private final InFlight inFlight;
  private final Progress progress;
  private final List<Kill> kills = new ArrayList<>();

  Kills(DemoServices services, InFlight inFlight, Progress progress) {
    this.services = services;
    this.inFlight = inFlight;
    this.progress = progress;
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
   */
  record Kill(String service, long pid, long messagesInFlight, Moment moment) {}

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

  /**
   * Kills a service if enough messages are in flight for it, and returns when it is ready again.
   *
   * @return whether that counts
   */
  boolean ifBusy(String service, int least) throws InterruptedException {
    boolean tired = kills.stream().filter(one -> one.service.equals(service)).count() >= FOUND_MAX;
    if (tired || inFlight.count().of(service) < least) {
      return false;
    }
    kill(service, Moment.FOUND);
    startAgain(List.of(service));
    return missing(List.of(service)).isEmpty();
  }

  /**
   * Makes the moment: pauses services, does work that sends them messages, and kills the victims
   * while these wait. A victim for which the work brings no message is left alone.
   *
   * @param settled whether the work will bring nothing more
   * @throws CliException if neither a message came nor the work settled in time
   */
  void whilePaused(List<String> paused, List<String> victims, Work work, BooleanSupplier settled)
      throws InterruptedException {
    for (String service : paused) {
      services.pause(service);
    }
    List<String> killed = new ArrayList<>();
    try {
      work.run();
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
      for (String service : paused) {
        if (!killed.contains(service)) {
          services.resume(service);
        }
      }
    }
    startAgain(killed);
  }

  private boolean awaitMessage(String service, BooleanSupplier settled)
      throws InterruptedException {
    long started = System.nanoTime();
    while (true) {
      boolean last = settled.getAsBoolean();
      if (inFlight.count().of(service) > 0) {
        return true;
      }
      if (last) {
        return false;
      }
      if (System.nanoTime() - started > PAUSE_MAX.toNanos()) {
        throw new CliException(
            "Could not kill a service while messages are in flight [service=%s]: none came within"
                    .formatted(service)
                + " %s. Read %s.".formatted(PAUSE_MAX, services.log(service)));
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  private void kill(String service, Moment moment) throws InterruptedException {
    long pid = services.pid(service);
    services.kill(service);
    long count = inFlight.count().of(service);
    Kill kill = new Kill(service, pid, count, moment);
    kills.add(kill);
    progress.event(
        "kill -9 %d (%s) with %s in flight; starting it again"
            .formatted(pid, service, messages(kill)));
  }

  private void startAgain(List<String> names) throws InterruptedException {
    names.forEach(services::startAgain);
    services.awaitReady(names, progress);
  }

  /** For people: a line for each kill, and one for each service that was not killed. */
  String text() {
    StringBuilder text = new StringBuilder("Killed with kill -9, and started again:\n");
    for (Kill kill : kills) {
      text.append("  %-10s with %s in flight%n".formatted(kill.service, messages(kill)));
    }
    for (String service : missing(DemoHome.SERVICES)) {
      text.append("  %-10s not killed while a message was in flight%n".formatted(service));
    }
    return text.toString();
  }

  private static String messages(Kill kill) {
    long count = kill.messagesInFlight;
    return count == 1 ? "1 message" : (count == 0 ? "no" : count) + " messages";
  }
}
