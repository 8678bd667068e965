package dev.tenon.cli;

import dev.tenon.cli.AuditReport.Count;
import dev.tenon.cli.AuditReport.Difference;
import dev.tenon.cli.Books.Cancellation;
import dev.tenon.cli.Books.Flaw;
import dev.tenon.cli.Books.Line;
import dev.tenon.cli.Books.Order;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/** Compares what the services hold with what they ought to hold, fact by fact. */
final class Audit {
  private static final String MISSING = "missing";
  private static final String NONE = "none";

  private final OrderBook input;
  private final Books expected;
  private final Books found;
  private final Map<String, PlaceMode> modes;
  private final List<Difference> differences = new ArrayList<>();

  private Audit(OrderBook input, Books expected, Books found) {
    this.input = input;
    this.expected = expected;
    this.found = found;
    this.modes = input.modes();
  }

  static AuditReport compare(OrderBook input, Books expected, Books found) {
    return new Audit(input, expected, found).report();
  }

  private AuditReport report() {
    compare("user", expected.users(), found.users(), Audit::common, String::valueOf);
    compare("order's copy of user", found.users(), found.copies(), Audit::common, String::valueOf);
    orders();
    cancellations();
    compare("stock on hand of", expected.onHand(), found.onHand(), Audit::common, String::valueOf);
    compare(
        "stock moved by",
        expected.movements(),
        found.movements(),
        movement -> mode(movement.reference()),
        String::valueOf);
    compare(
        "money booked by",
        expected.ledger(),
        found.ledger(),
        entry -> mode(entry.reference()),
        BigDecimal::toPlainString);
    compare(
        "deliveries booked for",
        expected.deliveries(),
        found.deliveries(),
        this::mode,
        String::valueOf);
    for (Flaw flaw : found.flaws()) {
      differences.add(new Difference(flaw.mode(), flaw.what(), NONE, flaw.found()));
    }
    return new AuditReport(
        input.source(),
        input.lines(),
        buckets(),
        counts(),
        ModeAudit.of(found, this::mode, differences),
        differences);
  }

  /** What belongs to no order. */
  private static Optional<PlaceMode> common(Object key) {
    return Optional.empty();
  }

  /** How an order was to be placed; that of an order nobody asked for, how it was. */
  private Optional<PlaceMode> mode(String orderNumber) {
    return Optional.ofNullable(modes.get(orderNumber))
        .or(() -> Optional.ofNullable(found.orders().get(orderNumber)).map(Order::mode));
  }

  private <K, V> void compare(
      String what,
      Map<K, V> expectedByKey,
      Map<K, V> foundByKey,
      Function<K, Optional<PlaceMode>> mode,
      Function<V, String> text) {
    Set<String> order = new TreeSet<>();
    Map<String, Difference> byName = new HashMap<>();
    Set<K> keys = new HashSet<>(expectedByKey.keySet());
    keys.addAll(foundByKey.keySet());
    for (K key : keys) {
      Optional<V> one = Optional.ofNullable(expectedByKey.get(key));
      Optional<V> other = Optional.ofNullable(foundByKey.get(key));
      if (!one.equals(other)) {
        String name = what + " " + key;
        order.add(name);
        byName.put(
            name,
            new Difference(
                mode.apply(key), name, one.map(text).orElse(NONE), other.map(text).orElse(NONE)));
      }
    }
    order.forEach(name -> differences.add(byName.get(name)));
  }

  private void orders() {
    Map<String, String> ought = new HashMap<>();
    Map<String, String> is = new HashMap<>();
    expected.orders().forEach((number, order) -> ought.put(number, head(order)));
    found.orders().forEach((number, order) -> is.put(number, head(order)));
    compare("order", ought, is, this::mode, String::valueOf);
    expected
        .orders()
        .forEach(
            (number, order) -> {
              Order other = found.orders().get(number);
              if (other != null) {
                compare(
                    "order " + number + " line",
                    order.lines(),
                    other.lines(),
                    line -> mode(number),
                    Audit::line);
              }
            });
  }

  private void cancellations() {
    Map<String, String> ought = new HashMap<>();
    Map<String, String> is = new HashMap<>();
    expected.cancellations().forEach((number, one) -> ought.put(number, head(one)));
    found.cancellations().forEach((number, one) -> is.put(number, head(one)));
    compare("cancellation", ought, is, Audit::common, String::valueOf);
    expected
        .cancellations()
        .forEach(
            (number, cancellation) -> {
              Cancellation other = found.cancellations().get(number);
              if (other != null) {
                String what = "cancellation " + number + " line";
                compare(what, cancellation.lines(), other.lines(), Audit::common, Audit::line);
              }
            });
  }

  private static String head(Order order) {
    return "%s%s, %s, customer %s, by %s"
        .formatted(
            order.status(),
            order.reason().map(reason -> " (" + reason + ")").orElse(""),
            order.amount().toPlainString(),
            order.customer().orElse(NONE),
            order.mode().text());
  }

  private static String head(Cancellation cancellation) {
    return "%s, %s, customer %s"
        .formatted(
            cancellation.status(),
            cancellation.amount().toPlainString(),
            cancellation.customer().orElse(NONE));
  }

  private static String line(Line line) {
    return "%d × %s at %s, %s%s, %d cancelled"
        .formatted(
            line.pieces(),
            line.product(),
            line.price().toPlainString(),
            line.status(),
            line.reason().map(reason -> " (" + reason + ")").orElse(""),
            line.cancelled());
  }

  /** Each line of the input is counted once on either side. */
  private List<Count> buckets() {
    Map<String, Long> ought = new TreeMap<>();
    Map<String, Long> is = new TreeMap<>();
    for (Invoice invoice : input.invoices()) {
      for (int line = 1; line <= invoice.lines().size(); line++) {
        ought.merge(bucket(expected, invoice, line), 1L, Long::sum);
        is.merge(bucket(found, invoice, line), 1L, Long::sum);
      }
    }
    Set<String> names = new TreeSet<>(Audit::byRank);
    names.addAll(List.of("sold", "refunded"));
    names.addAll(ought.keySet());
    names.addAll(is.keySet());
    return names.stream()
        .map(name -> count(name, ought.getOrDefault(name, 0L), is.getOrDefault(name, 0L)))
        .toList();
  }

  /** Sold first, then refunded, then the rest by name. */
  private static int byRank(String one, String other) {
    int rank = Integer.compare(rank(one), rank(other));
    return rank != 0 ? rank : one.compareTo(other);
  }

  private static int rank(String bucket) {
    return switch (bucket) {
      case "sold" -> 0;
      case "refunded" -> 1;
      default -> 2;
    };
  }

  private static String bucket(Books books, Invoice invoice, int lineNumber) {
    if (invoice.cancellation()) {
      Cancellation cancellation = books.cancellations().get(invoice.number());
      Line line = cancellation == null ? null : cancellation.lines().get(lineNumber);
      return line == null ? MISSING : Books.bucketOf(line);
    }
    Order order = books.orders().get(invoice.number());
    Line line = order == null ? null : order.lines().get(lineNumber);
    return order == null || line == null ? MISSING : Books.bucketOf(order, line);
  }

  private List<Count> counts() {
    return List.of(
        each("users", books -> books.users().size()),
        each("users copied by order", books -> books.copies().size()),
        each("orders confirmed", books -> orders(books, "CONFIRMED")),
        each("orders rejected", books -> orders(books, "REJECTED")),
        each("cancellations accepted", books -> cancellations(books, "ACCEPTED")),
        each("cancellations rejected", books -> cancellations(books, "REJECTED")),
        each("pieces reserved", books -> -moved(books, "SOLD")),
        each("pieces released again", books -> moved(books, "RELEASED")),
        each("pieces restocked", books -> moved(books, "RESTOCKED")),
        each("pieces on hand", books -> sum(books.onHand())),
        money("money charged", "CHARGE"),
        money("money charged and voided", "VOID"),
        money("money refunded", "REFUND"));
  }

  private Count each(String what, ToLongFunction<Books> measure) {
    return count(what, measure.applyAsLong(expected), measure.applyAsLong(found));
  }

  private static Count count(String what, long ought, long is) {
    return new Count(what, BigDecimal.valueOf(ought), BigDecimal.valueOf(is));
  }

  private Count money(String what, String kind) {
    BiFunction<Books, String, BigDecimal> booked =
        (books, wanted) ->
            Books.money(
                books.ledger().entrySet().stream()
                    .filter(entry -> entry.getKey().kind().equals(wanted))
                    .map(Map.Entry::getValue)
                    .reduce(BigDecimal.ZERO, BigDecimal::add)
                    .abs());
    return new Count(what, booked.apply(expected, kind), booked.apply(found, kind));
  }

  private static long orders(Books books, String status) {
    return books.orders().values().stream().filter(one -> one.status().equals(status)).count();
  }

  private static long cancellations(Books books, String status) {
    return books.cancellations().values().stream()
        .filter(one -> one.status().equals(status))
        .count();
  }

  private static long moved(Books books, String kind) {
    return books.movements().entrySet().stream()
        .filter(entry -> entry.getKey().kind().equals(kind))
        .mapToLong(Map.Entry::getValue)
        .sum();
  }

  private static long sum(Map<String, Long> pieces) {
    return pieces.values().stream().mapToLong(Long::longValue).sum();
  }
}
