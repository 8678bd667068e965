package dev.tenon.cli;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The outcome of an audit.
 *
 * @param source what was read
 * @param lines how many input lines there are
 * @param buckets where they went; each is counted once
 * @param totals sums over the services' tables
 * @param differences single facts that are not as they ought to be; empty if all is well
 */
record AuditReport(
    String source,
    int lines,
    List<Count> buckets,
    List<Count> totals,
    List<Difference> differences) {

  /** The most differences that are printed for people; JSON has all. */
  static final int DIFFERENCES_PRINTED_MAX = 50;

  AuditReport {
    buckets = List.copyOf(buckets);
    totals = List.copyOf(totals);
    differences = List.copyOf(differences);
  }

  /** A total, as it ought to be and as it is. */
  record Count(String what, BigDecimal expected, BigDecimal found) {}

  /** A fact that is not as it ought to be. */
  record Difference(String what, String expected, String found) {}

  boolean consistent() {
    return differences.isEmpty();
  }

  /** For JSON: the same facts under stable names. */
  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("source", source);
    json.put("consistent", consistent());
    json.put("lines", lines);
    json.put("buckets", buckets);
    json.put("totals", totals);
    json.put("differences", differences);
    return json;
  }

  /** For people: two tables and the differences. */
  String text() {
    List<String> out = new ArrayList<>();
    out.add("Audit of " + source + ", by plain SQL on the services' own tables");
    out.add("");
    table(out, "input lines", buckets);
    BigDecimal ought =
        buckets.stream().map(Count::expected).reduce(BigDecimal.ZERO, BigDecimal::add);
    BigDecimal is = buckets.stream().map(Count::found).reduce(BigDecimal.ZERO, BigDecimal::add);
    out.add(row("= all " + lines, ought.toPlainString(), is.toPlainString(), ""));
    out.add("");
    table(out, "services", totals);
    out.add("");
    if (consistent()) {
      out.add("No difference: every fact is as the input says.");
    } else {
      out.add(differences.size() == 1 ? "1 difference:" : differences.size() + " differences:");
      differences.stream()
          .limit(DIFFERENCES_PRINTED_MAX)
          .map(one -> "  %s: expected %s, found %s".formatted(one.what, one.expected, one.found))
          .forEach(out::add);
      int more = differences.size() - DIFFERENCES_PRINTED_MAX;
      if (more > 0) {
        out.add("  and " + more + " more (--json prints all)");
      }
    }
    return String.join(System.lineSeparator(), out);
  }

  private static void table(List<String> out, String title, List<Count> counts) {
    out.add(row(title, "expected", "found", ""));
    for (Count count : counts) {
      boolean equal = count.expected.compareTo(count.found) == 0;
      out.add(
          row(
              count.what,
              count.expected.toPlainString(),
              count.found.toPlainString(),
              equal ? "" : "  <- differs"));
    }
  }

  private static String row(String what, String expected, String found, String mark) {
    return "  %-34s %14s %14s%s".formatted(what, expected, found, mark);
  }
}
