package dev.tenon.bench;

import dev.tenon.testing.database.PostgresServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One run of one contender: fresh databases, a first message to see that delivery works, warm-up,
 * the measured span, drain, and a check that every message had its effect.
 */
final class Run {
  private static final AtomicInteger RUNS = new AtomicInteger();
  private static final int MESSAGES_MAX = 2_000_000;
  private static final Duration DRAIN_MAX = Duration.ofSeconds(60);

  private final PostgresServer server;
  private final Gauges gauges;
  private final Contender contender;
  private final Load load;
  private final Ledger ledger;
  private volatile boolean stopped;

  /**
   * What the producers do.
   *
   * @param producers threads, each committing one transaction after the other
   * @param perSecond how many messages all of them start a second; 0 for as many as they can
   * @param inFlightMax the most messages without an effect; producers wait then
   * @param warmUp before the measured span
   * @param span what is measured
   */
  record Load(int producers, int perSecond, int inFlightMax, Duration warmUp, Duration span) {}

  Run(PostgresServer server, Contender contender, Load load) {
    this.server = server;
    this.gauges = new Gauges(server);
    this.contender = contender;
    this.load = load;
    this.ledger = new Ledger(MESSAGES_MAX, load.inFlightMax(), contender.delivers());
  }

  /**
   * Runs it.
   *
   * @throws BenchmarkException if a message failed, was lost or doubled
   */
  Measurement measure() {
    try (Site site = Site.create(server, "bench" + RUNS.incrementAndGet())) {
      gauges.checkpoint();
      return measure(site);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BenchmarkException("Could not finish " + contender.name() + ": interrupted", e);
    }
  }

  private Measurement measure(Site site) throws InterruptedException {
    long commits;
    long roundTrips;
    Gauges.Wal wal;
    long processMicros;
    double serverMicros;
    Span span;
    try (Contender.Session session = contender.open(site, load.producers(), ledger)) {
      produce(session);
      awaitEffects();
      commits = site.commits();
      roundTrips = site.roundTrips();
      wal = gauges.wal();
      processMicros = gauges.processMicros();
      serverMicros = gauges.serverMicros();
      span = load(session);
      awaitEffects();
      processMicros = gauges.processMicros() - processMicros;
      roundTrips = site.roundTrips() - roundTrips;
    }
    site.awaitNoSessions();
    serverMicros = gauges.serverMicros() - serverMicros;
    commits = site.commits() - commits;
    Gauges.Wal walAfter = gauges.wal();
    check(site);
    double messages = Math.max(1, ledger.issued() - 1);
    Latencies latencies = ledger.latenciesWithin(span.start(), span.end());
    return new Measurement(
        ledger.issued(),
        ledger.completedWithin(span.start(), span.end()) * 1e9 / (span.end() - span.start()),
        latencies.millis(50),
        latencies.millis(99),
        new Measurement.Costs(
            commits / messages,
            roundTrips / messages,
            (walAfter.syncs() - wal.syncs()) / messages,
            (walAfter.bytes() - wal.bytes()) / messages,
            processMicros / messages,
            serverMicros / messages),
        span.machineBusy(),
        ledger.repeated());
  }

  private record Span(long start, long end, double machineBusy) {}

  private Span load(Contender.Session session) throws InterruptedException {
    ExecutorService producers = Executors.newFixedThreadPool(load.producers());
    try {
      List<Future<?>> working = new ArrayList<>();
      for (int producer = 0; producer < load.producers(); producer++) {
        working.add(producers.submit(() -> work(session)));
      }
      Pauses.millis(load.warmUp().toMillis());
      gauges.machineBusy();
      long start = System.nanoTime();
      Pauses.millis(load.span().toMillis());
      long end = System.nanoTime();
      double machineBusy = gauges.machineBusy();
      stopped = true;
      for (Future<?> producer : working) {
        producer.get();
      }
      return new Span(start, end, machineBusy);
    } catch (ExecutionException e) {
      throw new BenchmarkException(
          "Could not produce with " + contender.name() + ": " + e.getMessage(), e);
    } finally {
      stopped = true;
      producers.shutdownNow();
    }
  }

  private int work(Contender.Session session) throws InterruptedException {
    long interval =
        load.perSecond() == 0 ? 0 : TimeUnit.SECONDS.toNanos(load.producers()) / load.perSecond();
    long next = System.nanoTime();
    while (!stopped) {
      produce(session);
      next += interval;
      if (interval > 0) {
        Pauses.until(next);
      }
    }
    return load.producers();
  }

  private void produce(Contender.Session session) throws InterruptedException {
    Order order = ledger.next();
    session.produce(order);
    ledger.committed(order.id());
  }

  private void awaitEffects() {
    long deadline = System.nanoTime() + DRAIN_MAX.toNanos();
    while (contender.delivers() && ledger.effects() < ledger.issued()) {
      if (System.nanoTime() - deadline > 0) {
        throw lost(ledger.issued(), ledger.effects());
      }
      Pauses.millis(2);
    }
  }

  private void check(Site site) {
    int orders = site.orders();
    int effects = site.effects();
    if (orders != ledger.issued()) {
      throw new BenchmarkException(
          "orders: "
              + orders
              + " (expected: "
              + ledger.issued()
              + ", by "
              + contender.name()
              + ")");
    }
    if (contender.delivers() && effects != ledger.issued()) {
      throw lost(ledger.issued(), effects);
    }
  }

  private BenchmarkException lost(int messages, int effects) {
    return new BenchmarkException(
        "effects: " + effects + " (expected: " + messages + ", by " + contender.name() + ")");
  }
}
