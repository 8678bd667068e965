package dev.tenon.cli;

import dev.tenon.cli.AuditReport.Difference;
import dev.tenon.cli.Takeovers.Takeover;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The outcome of a torture.
 *
 * @param kills how many in all
 * @param faults how often each kind was done, kills among them
 * @param orders how many orders have each outcome, by mode
 * @param takeovers of what killed and stopped starters had under way
 * @param takeoversBrokenOff how many were not measured to their end, as PostgreSQL was killed
 * @param differences what is not as it ought to be; empty if all is well
 * @param logs where the services' logs are
 */
record TortureReport(
    TorturePlan plan,
    int kills,
    Map<String, Integer> faults,
    Map<String, Map<String, Integer>> orders,
    List<Takeover> takeovers,
    int takeoversBrokenOff,
    List<Difference> differences,
    String logs) {

  TortureReport {
    faults = new LinkedHashMap<>(faults);
    orders = new LinkedHashMap<>(orders);
    takeovers = List.copyOf(takeovers);
    differences = List.copyOf(differences);
  }

  boolean consistent() {
    return differences.isEmpty();
  }

  /**
   * Takeovers of one kind, in numbers.
   *
   * @param times how many were measured
   * @param late of how many the watch ended before all was taken over
   */
  record Figures(int times, int late, long millisP50, long millisMax) {}

  /** By what was taken over; kinds of which none was measured are left out. */
  Map<String, Figures> takeoverFigures() {
    Map<String, List<Takeover>> kinds = new TreeMap<>();
    for (Takeover one : takeovers) {
      String kind = one.kind().text() + (one.twinWhole() ? "" : ", the twin or PostgreSQL hit too");
      kinds.computeIfAbsent(kind, empty -> new ArrayList<>()).add(one);
    }
    Map<String, Figures> figures = new LinkedHashMap<>();
    kinds.forEach((kind, some) -> figures.put(kind, figures(some)));
    return figures;
  }

  private static Figures figures(List<Takeover> some) {
    List<Long> millis = some.stream().map(Takeover::millis).sorted().toList();
    int late = (int) some.stream().filter(one -> !one.complete()).count();
    return new Figures(some.size(), late, millis.get(millis.size() / 2), millis.getLast());
  }

  /** For JSON: the same facts under stable names. */
  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("seed", plan.seed());
    json.put("consistent", consistent());
    json.put("kills", kills);
    json.put("faults", faults);
    json.put("orders", orders);
    json.put("takeovers", takeoverFigures());
    json.put("takeoversBrokenOff", takeoversBrokenOff);
    json.put("differences", differences.stream().map(AuditReport::json).toList());
    json.put("logs", logs);
    return json;
  }

  /** For people. */
  String text() {
    List<String> out = new ArrayList<>();
    out.add("Tortured with --seed " + plan.seed());
    out.add("");
    out.add("  %-44s %7s".formatted("fault", "times"));
    faults.forEach((kind, times) -> out.add("  %-44s %7d".formatted(kind, times)));
    out.add("  %-44s %7d".formatted("= kills", kills));
    out.add("");
    out.add("  %-20s %-23s %7s".formatted("orders of mode", "outcome", "orders"));
    orders.forEach(
        (mode, outcomes) ->
            outcomes.forEach(
                (outcome, count) -> out.add("  %-20s %-23s %7d".formatted(mode, outcome, count))));
    out.add("");
    out.add("  %-66s %5s %5s %9s %9s".formatted("taken over", "times", "late", "p50", "max"));
    takeoverFigures()
        .forEach(
            (kind, one) ->
                out.add(
                    "  %-66s %5d %5d %6d ms %6d ms"
                        .formatted(kind, one.times, one.late, one.millisP50, one.millisMax)));
    if (takeoversBrokenOff > 0) {
      out.add(
          "  %-66s %5d".formatted("not measured, as PostgreSQL was killed", takeoversBrokenOff));
    }
    out.add("");
    if (consistent()) {
      out.add("No difference.");
    } else {
      out.add(differences.size() == 1 ? "1 difference:" : differences.size() + " differences:");
      differences.stream()
          .limit(AuditReport.DIFFERENCES_PRINTED_MAX)
          .map(AuditReport::line)
          .forEach(out::add);
      int more = differences.size() - AuditReport.DIFFERENCES_PRINTED_MAX;
      if (more > 0) {
        out.add("  and " + more + " more (--json prints all)");
      }
      out.add("The services' logs are in " + logs + ".");
    }
    return String.join(System.lineSeparator(), out);
  }
}
