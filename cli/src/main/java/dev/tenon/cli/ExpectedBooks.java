package dev.tenon.cli;

import static java.util.Objects.requireNonNull;

import dev.tenon.cli.Books.Cancellation;
import dev.tenon.cli.Books.Entry;
import dev.tenon.cli.Books.Line;
import dev.tenon.cli.Books.Movement;
import dev.tenon.cli.Books.Order;
import dev.tenon.cli.Books.User;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Works out from the input alone what the services must hold in the end. It shares no code with
 * them: it is the second opinion of the audit. Invoices are taken in the order of the file, each
 * when those before it are settled.
 */
final class ExpectedBooks {
  /**
   * Pieces of each product that nobody in the file wants: more than attempts that failed can hold,
   * until they are undone.
   */
  static final long RESERVE = 10_000;

  /** How many pieces of a product each order wants of which there are not enough for all. */
  static final int SCARCE_WANTED = 3;

  /** More pieces of a product than this are never there. */
  static final int LARGE = 1_000_000;

  private static final String OUT_OF_STOCK = "OUT_OF_STOCK";

  private final OrderBook input;
  private final BigDecimal chargeLimit;
  private final Map<String, Long> opening;
  private final Map<String, PlaceMode> modes;
  private final Optional<Books> found;
  private final Map<String, Long> contenders = new HashMap<>();
  private final Map<String, OpenOrder> orders = new HashMap<>();
  private final Map<Optional<String>, SortedMap<String, OpenOrder>> newestFirst = new HashMap<>();
  private final Map<String, Cancellation> cancellations = new HashMap<>();
  private final Map<Movement, Long> movements = new HashMap<>();
  private final Map<Entry, BigDecimal> ledger = new HashMap<>();
  private final Map<String, Long> deliveries = new HashMap<>();

  /** An order while later cancellations may still take from its lines. */
  private static final class OpenOrder {
    final Invoice invoice;
    final PlaceMode mode;
    final String status;
    final Optional<String> reason;
    final BigDecimal amount;
    final long[] cancelled;

    OpenOrder(
        Invoice invoice,
        PlaceMode mode,
        String status,
        Optional<String> reason,
        BigDecimal amount) {
      this.invoice = invoice;
      this.mode = mode;
      this.status = status;
      this.reason = reason;
      this.amount = amount;
      this.cancelled = new long[invoice.lines().size()];
    }
  }

  private ExpectedBooks(OrderBook input, BigDecimal chargeLimit, Optional<Books> found) {
    this.input = input;
    this.found = found;
    this.chargeLimit = chargeLimit;
    this.opening = openingStock(input);
    this.modes = input.modes();
  }

  /**
   * Works it out. Of what is scarce the first orders of the file get what there is.
   *
   * @param chargeLimit the payment service refuses to charge more than this at once
   */
  static Books of(OrderBook input, BigDecimal chargeLimit) {
    return new ExpectedBooks(input, chargeLimit, Optional.empty()).books();
  }

  /**
   * Works it out. Which orders get what is scarce depends on chance and is taken from what was
   * found; how many of them do is not.
   *
   * @param chargeLimit the payment service refuses to charge more than this at once
   */
  static Books of(OrderBook input, BigDecimal chargeLimit, Books found) {
    return new ExpectedBooks(input, chargeLimit, Optional.of(found)).books();
  }

  /**
   * As much of each product as could be sold, so that it never depends on who comes first, and some
   * more for those who try the demo. Lines of more than {@link #LARGE} are no part of it: their
   * orders are refused, whoever comes first.
   */
  static Map<String, Long> openingStock(OrderBook input) {
    Map<String, Long> opening = new TreeMap<>();
    for (Invoice invoice : input.invoices()) {
      for (OrderLine line : invoice.lines()) {
        boolean wanted =
            !invoice.cancellation()
                && lineReason(invoice, line).isEmpty()
                && line.quantity() <= LARGE;
        opening.putIfAbsent(line.stockCode(), RESERVE);
        opening.merge(line.stockCode(), wanted ? line.quantity() : 0L, Long::sum);
      }
    }
    opening.putAll(input.scarce());
    return opening;
  }

  private Books books() {
    for (Invoice invoice : input.invoices()) {
      if (invoice.cancellation()) {
        cancel(invoice);
      } else {
        order(invoice);
      }
    }
    Map<String, Long> onHand = new HashMap<>(opening);
    movements.forEach((movement, pieces) -> onHand.merge(movement.product(), pieces, Long::sum));
    input.scarce().forEach((product, pieces) -> onHand.put(product, left(product, pieces)));
    Map<String, User> users = new HashMap<>();
    input.customers().forEach(id -> users.put(id, User.of(id)));
    Map<String, Order> closed = new HashMap<>();
    orders.forEach((number, order) -> closed.put(number, close(order)));
    return new Books(
        closed, cancellations, onHand, movements, ledger, deliveries, users, users, List.of());
  }

  private static Optional<String> lineReason(Invoice invoice, OrderLine line) {
    if (invoice.customer().isEmpty()) {
      return Optional.of("NO_CUSTOMER");
    }
    if (line.quantity() <= 0) {
      return Optional.of("QUANTITY_NOT_POSITIVE");
    }
    return line.unitPrice().signum() <= 0 ? Optional.of("PRICE_NOT_POSITIVE") : Optional.empty();
  }

  /** Whether an order has a line that is accepted. */
  static boolean wantsAnything(Invoice invoice) {
    return invoice.lines().stream().anyMatch(line -> lineReason(invoice, line).isEmpty());
  }

  private void order(Invoice invoice) {
    BigDecimal amount = BigDecimal.ZERO;
    Map<String, Long> wanted = new TreeMap<>();
    for (OrderLine line : invoice.lines()) {
      if (lineReason(invoice, line).isEmpty()) {
        amount = amount.add(line.unitPrice().multiply(BigDecimal.valueOf(line.quantity())));
        wanted.merge(line.stockCode(), (long) line.quantity(), Long::sum);
      }
    }
    Optional<String> refusal = refusal(invoice, wanted, amount);
    String status = refusal.isEmpty() ? "CONFIRMED" : "REJECTED";
    PlaceMode mode = requireNonNull(modes.get(invoice.number()));
    OpenOrder order = new OpenOrder(invoice, mode, status, refusal, Books.money(amount));
    orders.put(invoice.number(), order);
    newestFirst
        .computeIfAbsent(invoice.customer(), customer -> new TreeMap<>(Comparator.reverseOrder()))
        .put(invoice.number(), order);
    if (!wanted.isEmpty()) {
      settle(order, wanted);
    }
  }

  private Optional<String> refusal(Invoice invoice, Map<String, Long> wanted, BigDecimal amount) {
    if (wanted.isEmpty()) {
      return Optional.of("NO_ACCEPTABLE_LINE");
    }
    if (tooLarge(wanted) || tooLate(invoice, wanted.keySet())) {
      return Optional.of(OUT_OF_STOCK);
    }
    return tooDear(amount) ? Optional.of("CHARGE_REFUSED") : Optional.empty();
  }

  /** Whether there was less of something from the beginning; never more comes than was sold. */
  private boolean tooLarge(Map<String, Long> wanted) {
    return wanted.entrySet().stream()
        .anyMatch(one -> one.getValue() > opening.getOrDefault(one.getKey(), 0L));
  }

  /** Whether others had got all of something scarce. */
  private boolean tooLate(Invoice invoice, Set<String> wanted) {
    boolean late = false;
    for (String product : wanted) {
      Long pieces = input.scarce().get(product);
      if (pieces != null) {
        long contender = contenders.merge(product, 1L, Long::sum);
        late |=
            found
                .map(books -> refusedForStock(books.orders().get(invoice.number())))
                .orElse(contender > pieces / SCARCE_WANTED);
      }
    }
    return late;
  }

  private static boolean refusedForStock(@Nullable Order order) {
    return order != null && order.reason().filter(OUT_OF_STOCK::equals).isPresent();
  }

  /** Of something scarce as many orders get some as can. */
  private long left(String product, long pieces) {
    long served = Math.min(contenders.getOrDefault(product, 0L), pieces / SCARCE_WANTED);
    return pieces - served * SCARCE_WANTED;
  }

  private boolean tooDear(BigDecimal amount) {
    return amount.compareTo(chargeLimit) > 0;
  }

  /**
   * What is left in the journals. With messages, stock and payment are asked side by side, and what
   * one has done is undone if the other refuses; a saga asks stock first, and payment only if that
   * did not refuse. The others leave nothing unless the order is confirmed: what AT undoes and XA
   * rolls back was never there.
   */
  private void settle(OpenOrder order, Map<String, Long> wanted) {
    String number = order.invoice.number();
    boolean undone = order.status.equals("REJECTED");
    boolean stockUndone = order.mode == PlaceMode.MESSAGES || order.mode == PlaceMode.SAGA;
    boolean outOfStock = order.reason.filter(OUT_OF_STOCK::equals).isPresent();
    boolean sold = !outOfStock && (!undone || stockUndone);
    boolean charged = !tooDear(order.amount) && (!undone || order.mode == PlaceMode.MESSAGES);
    if (!undone && order.mode == PlaceMode.MIXED) {
      deliveries.put(number, 1L);
    }
    if (sold) {
      wanted.forEach(
          (product, pieces) -> {
            movements.put(new Movement(number, "SOLD", product), -pieces);
            if (undone) {
              movements.put(new Movement(number, "RELEASED", product), pieces);
            }
          });
    }
    if (charged) {
      ledger.put(new Entry(number, "CHARGE"), order.amount);
      if (undone) {
        ledger.put(new Entry(number, "VOID"), Books.money(order.amount.negate()));
      }
    }
  }

  private void cancel(Invoice invoice) {
    BigDecimal amount = BigDecimal.ZERO;
    Map<String, Long> back = new TreeMap<>();
    Map<Integer, Line> lines = new HashMap<>();
    for (OrderLine line : invoice.lines()) {
      long pieces = -(long) line.quantity();
      Optional<String> reason = Optional.empty();
      if (invoice.customer().isEmpty()) {
        reason = Optional.of("NO_CUSTOMER");
      } else if (pieces <= 0) {
        reason = Optional.of("QUANTITY_NOT_POSITIVE");
      } else {
        Optional<BigDecimal> refund = takeBack(invoice, line.stockCode(), pieces);
        if (refund.isPresent()) {
          amount = amount.add(refund.get());
          back.merge(line.stockCode(), pieces, Long::sum);
        } else {
          reason = Optional.of("NOT_BOUGHT");
        }
      }
      String status = reason.isEmpty() ? "REFUNDED" : "REJECTED";
      lines.put(
          lines.size() + 1,
          new Line(line.stockCode(), pieces, Books.money(BigDecimal.ZERO), status, reason, 0));
    }
    book(invoice, back, Books.money(amount), lines);
  }

  private void book(
      Invoice invoice, Map<String, Long> back, BigDecimal amount, Map<Integer, Line> lines) {
    String number = invoice.number();
    String status = back.isEmpty() ? "REJECTED" : "ACCEPTED";
    cancellations.put(number, new Cancellation(invoice.customer(), status, amount, lines));
    if (!back.isEmpty()) {
      back.forEach(
          (product, pieces) -> movements.put(new Movement(number, "RESTOCKED", product), pieces));
      ledger.put(new Entry(number, "REFUND"), Books.money(amount.negate()));
    }
  }

  private record Purchase(OpenOrder order, int line, long left) {}

  /** Takes pieces back from confirmed purchases, the newest order first: all of them, or none. */
  private Optional<BigDecimal> takeBack(Invoice cancellation, String product, long pieces) {
    List<Purchase> purchases = purchases(cancellation, product);
    if (purchases.stream().mapToLong(Purchase::left).sum() < pieces) {
      return Optional.empty();
    }
    BigDecimal refund = BigDecimal.ZERO;
    long open = pieces;
    for (Purchase purchase : purchases) {
      long taken = Math.min(open, purchase.left);
      purchase.order.cancelled[purchase.line] += taken;
      BigDecimal price = purchase.order.invoice.lines().get(purchase.line).unitPrice();
      refund = refund.add(price.multiply(BigDecimal.valueOf(taken)));
      open -= taken;
    }
    return Optional.of(refund);
  }

  private List<Purchase> purchases(Invoice cancellation, String product) {
    List<Purchase> found = new ArrayList<>();
    SortedMap<String, OpenOrder> theirs =
        newestFirst.getOrDefault(cancellation.customer(), Collections.emptySortedMap());
    for (OpenOrder order : theirs.values()) {
      if (!order.status.equals("CONFIRMED")) {
        continue;
      }
      List<OrderLine> lines = order.invoice.lines();
      for (int i = 0; i < lines.size(); i++) {
        OrderLine line = lines.get(i);
        boolean sold = lineReason(order.invoice, line).isEmpty();
        if (sold && line.stockCode().equals(product) && line.quantity() > order.cancelled[i]) {
          found.add(new Purchase(order, i, line.quantity() - order.cancelled[i]));
        }
      }
    }
    return found;
  }

  private static Order close(OpenOrder order) {
    Map<Integer, Line> lines = new HashMap<>();
    for (OrderLine line : order.invoice.lines()) {
      Optional<String> reason = lineReason(order.invoice, line);
      long cancelled = order.cancelled[lines.size()];
      lines.put(
          lines.size() + 1,
          new Line(
              line.stockCode(),
              line.quantity(),
              Books.money(line.unitPrice()),
              reason.isEmpty() ? "ACCEPTED" : "REJECTED",
              reason,
              cancelled));
    }
    return new Order(
        order.mode, order.invoice.customer(), order.status, order.reason, order.amount, lines);
  }
}
