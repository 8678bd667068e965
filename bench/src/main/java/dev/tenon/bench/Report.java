package dev.tenon.bench;

import dev.tenon.bench.Results.Case;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/** Says in words and numbers what was found. Immutable. */
final class Report {
  private static final String TENON = "tenon";
  private static final String NO_DELIVERY = "no delivery";
  private static final double BUSY = 0.9;

  private final Plan plan;
  private final List<Contender> contenders;
  private final Results results;
  private final String version;

  Report(Plan plan, List<Contender> contenders, Results results, String version) {
    this.plan = plan;
    this.contenders = List.copyOf(contenders);
    this.results = results;
    this.version = version;
  }

  String table() {
    StringBuilder text = new StringBuilder();
    head(text);
    for (int producers : plan.producers()) {
      load(text, producers);
    }
    if (plan.lowSpan().isPositive()) {
      lowLoad(text);
    }
    text.append("\nSet up\n");
    for (Contender contender : contenders) {
      line(text, "  %-14s %s", contender.name(), contender.setup());
    }
    foot(text);
    return text.toString();
  }

  /** The peer with the highest median rate, if any was measured. */
  Optional<String> bestPeer(int producers) {
    return contenders.stream()
        .filter(Contender::peer)
        .map(Contender::name)
        .max(
            Comparator.comparingDouble(
                name -> results.median(new Case(producers, name), Measurement::perSecond)));
  }

  private void head(StringBuilder text) {
    line(
        text, "Outbox, end to end: a producer's commit to the effect's commit in another database");
    line(
        text,
        "PostgreSQL %s, fsync, synchronous_commit and full_page_writes on; %d processors, shared by"
            + " server, producers and consumers",
        version,
        Runtime.getRuntime().availableProcessors());
    line(
        text,
        "Medians of %d rounds of %.1f s, all cases in turn in each; at most %,d messages under way",
        plan.rounds(),
        plan.span().toMillis() / 1e3,
        plan.inFlightMax());
    line(
        text,
        "Disk: %,.0f flushes/s of 8 KiB on one thread (%s by round)",
        Results.median(disk()),
        rounds(disk(), "%,.0f"));
  }

  private void load(StringBuilder text, int producers) {
    line(text, "%n%d producer%s", producers, producers == 1 ? "" : "s");
    columns(text);
    for (Contender contender : contenders) {
      row(text, contender, producers);
    }
    Case tenon = new Case(producers, TENON);
    if (!results.rounds().containsKey(tenon)) {
      return;
    }
    bestPeer(producers).ifPresent(peer -> ratio(text, tenon, new Case(producers, peer), ">= 10"));
    Case noDelivery = new Case(producers, NO_DELIVERY);
    if (results.rounds().containsKey(noDelivery)) {
      ratio(text, tenon, noDelivery, ">= 0.7");
    }
    line(text, "  %s", bound(tenon));
  }

  private void lowLoad(StringBuilder text) {
    line(text, "%nLow load: %d messages/s of one producer", plan.lowPerSecond());
    columns(text);
    for (Contender contender : contenders) {
      if (contender.delivers()) {
        row(text, contender, 0);
      }
    }
    line(text, "  aim: tenon's p50 < 5 ms");
  }

  private static void columns(StringBuilder text) {
    line(
        text,
        "  %-14s %9s %10s %10s | %7s %7s %7s %7s | %6s %6s | %5s",
        "",
        "msgs/s",
        "p50 ms",
        "p99 ms",
        "commits",
        "trips",
        "syncs",
        "WAL B",
        "own us",
        "srv us",
        "busy");
  }

  private void row(StringBuilder text, Contender contender, int producers) {
    Case measured = new Case(producers, contender.name());
    line(
        text,
        "  %-14s %,9.0f %10s %10s | %7.3f %7.3f %7.3f %,7.0f | %,6.0f %,6.0f | %4.0f%%",
        contender.name(),
        results.median(measured, Measurement::perSecond),
        contender.delivers() ? millis(measured, Measurement::p50Millis) : "-",
        contender.delivers() ? millis(measured, Measurement::p99Millis) : "-",
        results.median(measured, each -> each.costs().commits()),
        results.median(measured, each -> each.costs().roundTrips()),
        results.median(measured, each -> each.costs().walSyncs()),
        results.median(measured, each -> each.costs().walBytes()),
        results.median(measured, each -> each.costs().processMicros()),
        results.median(measured, each -> each.costs().serverMicros()),
        100 * results.median(measured, Measurement::machineBusy));
  }

  private String millis(Case measured, ToDoubleFunction<Measurement> value) {
    return String.format(Locale.ROOT, "%,.2f", results.median(measured, value));
  }

  private void ratio(StringBuilder text, Case tenon, Case other, String aim) {
    line(
        text,
        "  tenon / %s: %.2f (%s by round; aim %s)",
        other.contender(),
        results.ratio(tenon, other),
        rounds(results.ratios(tenon, other), "%.2f"),
        aim);
  }

  /** What the rate of a case could not get past. */
  String bound(Case measured) {
    double busy = results.median(measured, Measurement::machineBusy);
    double syncs = results.median(measured, each -> each.perSecond() * each.costs().walSyncs());
    double disk = Results.median(disk());
    String found =
        busy >= BUSY
            ? "processors"
            : syncs >= disk * BUSY ? "disk" : "neither: waiting for round trips or wake-ups";
    return String.format(
        Locale.ROOT,
        "bound of %s: %s (processors %.0f%% busy, %,.0f WAL syncs/s of the disk's %,.0f)",
        measured.contender(),
        found,
        100 * busy,
        syncs,
        disk);
  }

  private static void foot(StringBuilder text) {
    line(text, "%nPer message, both databases together, warm-up and drain included:");
    line(text, "  commits (reading transactions too), trips (round trips to the databases),");
    line(text, "  syncs and WAL B (flushes and bytes of the server's log),");
    line(text, "  own us, srv us (processor time of this process and of the server's)");
    line(text, "All of it in one process; busy: share of the whole machine in use.");
    line(text, "p50, p99 under full load are times in the queue that full producers keep filled.");
    line(
        text,
        "A reference's rate is its commits/s. Every effect was counted: none lost, none twice.");
  }

  private double[] disk() {
    return results.diskFlushes().stream().mapToDouble(each -> each).toArray();
  }

  private static String rounds(double[] values, String format) {
    List<String> texts = new ArrayList<>();
    for (double value : values) {
      texts.add(String.format(Locale.ROOT, format, value));
    }
    return String.join(" ", texts);
  }

  private static void line(StringBuilder text, String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
