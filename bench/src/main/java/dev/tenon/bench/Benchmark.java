package dev.tenon.bench;

import dev.tenon.testing.database.PostgresServer;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** Measures all contenders in turn on one server, round by round. Not thread-safe. */
final class Benchmark {
  private static final Duration DISK_SPAN = Duration.ofMillis(300);
  private static final Duration WARM_UP_SPAN = Duration.ofSeconds(1);
  private static final int WARM_UP_PRODUCERS = 8;

  private final PostgresServer server;
  private final List<Contender> contenders;
  private final Plan plan;
  private final PrintStream progress;
  private final Results results = new Results();

  Benchmark(PostgresServer server, List<Contender> contenders, Plan plan, PrintStream progress) {
    this.server = server;
    this.contenders = List.copyOf(contenders);
    this.plan = plan;
    this.progress = progress;
  }

  /** Runs everyone once, so that their code is compiled when it is measured. */
  Benchmark warmUp() {
    for (Contender contender : contenders) {
      progress.printf(Locale.ROOT, "warm-up   %s%n", contender.name());
      new Run(server, contender, load(WARM_UP_PRODUCERS, 0, WARM_UP_SPAN)).measure();
    }
    return this;
  }

  /**
   * Measures everything.
   *
   * @throws BenchmarkException if a contender lost, doubled or refused a message
   */
  Results run() {
    for (int round = 0; round < plan.rounds(); round++) {
      results.addDiskFlushes(Disk.flushesPerSecond(server.dataDirectory(), DISK_SPAN));
      for (int producers : plan.producers()) {
        for (Contender contender : inTurn(round)) {
          measure(round, contender, producers);
        }
      }
      if (plan.lowSpan().isPositive()) {
        for (Contender contender : inTurn(round)) {
          measureLowLoad(round, contender);
        }
      }
    }
    return results;
  }

  /** Each round begins with another contender, so that none always follows the same one. */
  private List<Contender> inTurn(int round) {
    List<Contender> turned = new ArrayList<>(contenders);
    Collections.rotate(turned, -round);
    return turned;
  }

  private void measure(int round, Contender contender, int producers) {
    Measurement measured = new Run(server, contender, load(producers, 0, plan.span())).measure();
    results.add(new Results.Case(producers, contender.name()), measured);
    report(round, contender, producers + " producers", measured);
  }

  private void measureLowLoad(int round, Contender contender) {
    if (!contender.delivers()) {
      return;
    }
    Measurement measured =
        new Run(server, contender, load(1, plan.lowPerSecond(), plan.lowSpan())).measure();
    results.add(new Results.Case(0, contender.name()), measured);
    report(round, contender, plan.lowPerSecond() + "/s", measured);
  }

  private Run.Load load(int producers, int perSecond, Duration span) {
    return new Run.Load(producers, perSecond, plan.inFlightMax(), plan.warmUp(), span);
  }

  private void report(int round, Contender contender, String load, Measurement measured) {
    progress.printf(
        Locale.ROOT,
        "round %d/%d %-14s %-20s %,9.0f/s  p50 %8.2f ms  p99 %8.2f ms%n",
        round + 1,
        plan.rounds(),
        load,
        contender.name(),
        measured.perSecond(),
        measured.p50Millis(),
        measured.p99Millis());
  }
}
