package dev.tenon.cli;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The outcome of an audit.
 *
 * @param source what was read
 * @param lines how many input lines there are
 * @param buckets where they went; each is counted once
 * @param totals sums over the services' tables
 * @param modes what came of the orders by each means
 * @param differences single facts that are not as they ought to be; empty if all is well
 */
record AuditReport(
    String source,
    int lines,
    List<Count> buckets,
    List<Count> totals,
    List<ModeAudit> modes,
    List<Difference> differences) {

  /** The most differences that are printed for people; JSON has all. */
  static final int DIFFERENCES_PRINTED_MAX = 50;

  AuditReport {
    buckets = List.copyOf(buckets);
    totals = List.copyOf(totals);
    modes = List.copyOf(modes);
    differences = List.copyOf(differences);
  }

  /** A total, as it ought to be and as it is. */
  record Count(String what, BigDecimal expected, BigDecimal found) {}

  /**
   * A fact that is not as it ought to be.
   *
   * @param mode the means by which its order was placed; empty if it belongs to no order
   */
  record Difference(Optional<PlaceMode> mode, String what, String expected, String found) {}

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
    json.put("modes", modes.stream().map(AuditReport::json).toList());
    json.put("differences", differences.stream().map(AuditReport::json).toList());
    return json;
  }

  private static Map<String, Object> json(ModeAudit one) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("mode", one.mode().text());
    json.put("ordersConfirmed", one.confirmed());
    json.put("ordersRejected", one.rejected());
    json.put("piecesOrdered", one.piecesOrdered());
    json.put("piecesSold", one.piecesSold());
    json.put("moneyOwed", one.moneyOwed());
    json.put("moneyCharged", one.moneyCharged());
    json.put("holds", one.holds());
    json.put("locks", one.locks());
    json.put("images", one.images());
    json.put("prepared", one.prepared());
    json.put("open", one.open());
    json.put("differences", one.differences());
    return json;
  }

  static Map<String, Object> json(Difference one) {
    Map<String, Object> json = new LinkedHashMap<>();
    one.mode().ifPresent(mode -> json.put("mode", mode.text()));
    json.put("what", one.what);
    json.put("expected", one.expected);
    json.put("found", one.found);
    return json;
  }

  /** For people: three tables and the differences. */
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
    modes(out);
    out.add("");
    if (consistent()) {
      out.add("No difference: every fact is as the input says.");
    } else {
      out.add(differences.size() == 1 ? "1 difference:" : differences.size() + " differences:");
      differences.stream().limit(DIFFERENCES_PRINTED_MAX).map(AuditReport::line).forEach(out::add);
      int more = differences.size() - DIFFERENCES_PRINTED_MAX;
      if (more > 0) {
        out.add("  and " + more + " more (--json prints all)");
      }
    }
    return String.join(System.lineSeparator(), out);
  }

  static String line(Difference one) {
    String by = one.mode.map(mode -> " [" + mode.text() + "]").orElse("");
    return "  %s%s: expected %s, found %s".formatted(one.what, by, one.expected, one.found);
  }

  /** A row for each means; money and pieces are marked if they are not those of the orders. */
  private void modes(List<String> out) {
    String form = "  %-9s %9s %8s %11s %13s %5s %5s %6s %8s %4s %11s%s";
    out.add(
        form.formatted(
            "orders by",
            "confirmed",
            "rejected",
            "pieces sold",
            "money charged",
            "holds",
            "locks",
            "images",
            "prepared",
            "open",
            "differences",
            ""));
    for (ModeAudit one : modes) {
      boolean conserved =
          one.piecesOrdered() == one.piecesSold()
              && one.moneyOwed().compareTo(one.moneyCharged()) == 0;
      out.add(
          form.formatted(
              one.mode().text(),
              one.confirmed(),
              one.rejected(),
              one.piecesSold(),
              one.moneyCharged().toPlainString(),
              one.holds(),
              one.locks(),
              one.images(),
              one.prepared(),
              one.open(),
              one.differences(),
              conserved ? "" : "  <- not what was ordered"));
    }
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
