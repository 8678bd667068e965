package dev.tenon.bench;

import dev.tenon.bench.BankRounds.Case;
import dev.tenon.bench.BankRounds.Result;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import org.HdrHistogram.Histogram;

/**
 * The tables, in Markdown.
 *
 * @param peers in the order of the rows
 * @param samples by case, in the order of the rounds
 * @param diskFlushes of each round
 * @param rounds how many
 */
record BankReport(
    List<BankPeer> peers, Map<Case, List<Result>> samples, List<Double> diskFlushes, int rounds) {
  private static final String REFERENCE = "plain commits";
  private static final double MICROS_PER_MILLI = 1_000;

  /* Pairs of a Tenon row and one it has an aim beside. */
  private static final List<List<String>> AIMS =
      List.of(
          List.of("tenon at", "seata at, postgresql"),
          List.of("tenon at", "seata at, file"),
          List.of("tenon tcc", "seata tcc, postgresql"),
          List.of("tenon tcc", "seata tcc, file"),
          List.of("tenon xa", "narayana xa"),
          List.of("tenon saga of 3", "dbos saga of 3"));

  String text() {
    StringBuilder text = new StringBuilder();
    Set<String> loads = new LinkedHashSet<>();
    samples.keySet().forEach(each -> loads.add(each.clients() + " " + each.hot()));
    for (String load : loads) {
      String[] parts = load.split(" ", -1);
      text.append(table(Integer.parseInt(parts[0]), Boolean.parseBoolean(parts[1])));
    }
    text.append(aims(loads));
    text.append(
        String.format(
            Locale.ROOT,
            "%nMedians of %d rounds; percentiles of all transactions. Disk: %,.0f flushes/s on one"
                + " thread.%n",
            rounds,
            Results.median(diskFlushes.stream().mapToDouble(Double::doubleValue).toArray())));
    return text.toString();
  }

  private String table(int clients, boolean hot) {
    StringBuilder table =
        new StringBuilder(
            String.format(
                Locale.ROOT,
                "%n%d %s%s%n%n",
                clients,
                clients == 1 ? "client" : "clients",
                hot ? ", all on the same two rows" : ""));
    table.append(
        """
        | | tx/s | of plain | p50 ms | p99 ms | commits | round trips | CPU µs | refused |
        |---|--:|--:|--:|--:|--:|--:|--:|--:|
        """);
    for (BankPeer peer : peers) {
      List<Result> own = of(clients, hot, peer.name());
      if (!own.isEmpty()) {
        table.append(row(peer.name(), own, ratio(clients, hot, peer.name(), REFERENCE)));
      }
    }
    return table.toString();
  }

  private static String row(String name, List<Result> own, double ofPlain) {
    Histogram all = new Histogram(own.getFirst().sample().latencies());
    own.forEach(result -> all.add(result.sample().latencies()));
    return String.format(
        Locale.ROOT,
        "| %s | %,.0f | %.2f | %.2f | %.2f | %.2f | %.1f | %,.0f + %,.0f | %.2f |%n",
        name,
        median(own, result -> result.sample().rate()),
        ofPlain,
        all.getValueAtPercentile(50) / MICROS_PER_MILLI,
        all.getValueAtPercentile(99) / MICROS_PER_MILLI,
        median(own, result -> result.perTransfer(result.sample().commits())),
        median(own, result -> result.perTransfer(result.sample().roundTrips())),
        median(own, result -> result.perTransfer(result.sample().micros())),
        median(own, result -> result.perTransfer(result.serverMicros())),
        median(own, result -> result.perTransfer(result.sample().refused())));
  }

  private String aims(Set<String> loads) {
    List<String> lines = new ArrayList<>();
    for (List<String> pair : AIMS) {
      StringBuilder line = new StringBuilder();
      for (String load : loads) {
        String[] parts = load.split(" ", -1);
        boolean hot = Boolean.parseBoolean(parts[1]);
        double ratio = ratio(Integer.parseInt(parts[0]), hot, pair.getFirst(), pair.getLast());
        line.append(Double.isNaN(ratio) ? " |" : String.format(Locale.ROOT, " %.2f |", ratio));
      }
      if (line.toString().matches(".*\\d.*")) {
        lines.add("| " + pair.getFirst() + " / " + pair.getLast() + " |" + line);
      }
    }
    if (lines.isEmpty()) {
      return "";
    }
    StringBuilder table = new StringBuilder("\n| clients |");
    StringBuilder rule = new StringBuilder("\n|---|");
    for (String load : loads) {
      table.append(' ').append(load.replace(" true", ", hot").replace(" false", "")).append(" |");
      rule.append("--:|");
    }
    return table.append(rule).append('\n').append(String.join("\n", lines)).append('\n').toString();
  }

  private List<Result> of(int clients, boolean hot, String peer) {
    return samples.getOrDefault(new Case(clients, hot, peer), List.of());
  }

  /** Round by round, as what else the machine does changes in between. */
  private double ratio(int clients, boolean hot, String one, String other) {
    List<Result> ones = of(clients, hot, one);
    List<Result> others = of(clients, hot, other);
    double[] ratios = new double[Math.min(ones.size(), others.size())];
    for (int round = 0; round < ratios.length; round++) {
      ratios[round] = ones.get(round).sample().rate() / others.get(round).sample().rate();
    }
    return Results.median(ratios);
  }

  private static double median(List<Result> results, ToDoubleFunction<Result> value) {
    return Results.median(results.stream().mapToDouble(value).toArray());
  }
}
