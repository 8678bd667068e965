package dev.tenon.cli;

import java.math.BigDecimal;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What the services hold, or ought to hold, in business terms. Amounts and prices are in the form
 * of {@link #money}.
 *
 * @param orders by order number
 * @param cancellations by cancellation number
 * @param onHand pieces by product
 * @param movements pieces moved, by what moved them; opening levels are not movements
 * @param ledger amounts booked, by what booked them
 * @param deliveries how many are booked, by order number
 * @param users by id
 * @param copies the order service's copy of users, by id
 * @param flaws what ought not to be there at all
 */
record Books(
    Map<String, Order> orders,
    Map<String, Cancellation> cancellations,
    Map<String, Long> onHand,
    Map<Movement, Long> movements,
    Map<Entry, BigDecimal> ledger,
    Map<String, Long> deliveries,
    Map<String, User> users,
    Map<String, User> copies,
    List<Flaw> flaws) {

  Books {
    orders = Map.copyOf(orders);
    cancellations = Map.copyOf(cancellations);
    onHand = Map.copyOf(onHand);
    movements = Map.copyOf(movements);
    ledger = Map.copyOf(ledger);
    deliveries = Map.copyOf(deliveries);
    users = Map.copyOf(users);
    copies = Map.copyOf(copies);
    flaws = List.copyOf(flaws);
  }

  /** What of a distributed transaction is left when it has ended, or never ends. */
  enum FlawKind {
    /** A hold that nobody ends. */
    HOLD,
    /** A lock of an AT branch that nobody releases. */
    LOCK,
    /** An image of an AT branch that is neither applied nor dropped. */
    IMAGE,
    /** A prepared transaction that nobody ends. */
    PREPARED,
    /** A branch, a decision or a saga that has not ended. */
    OPEN,
    /** Messages of branches that were sent or dropped against the outcome of their order. */
    MESSAGES,
    /** A product of which there was less than nothing. */
    NEGATIVE
  }

  /**
   * Something that ought not to be there when nothing is under way.
   *
   * @param mode the means by which its order is placed; empty if it belongs to no order
   * @param what what it is
   * @param found how it stands
   */
  record Flaw(FlawKind kind, Optional<PlaceMode> mode, String what, String found) {}

  /**
   * An order.
   *
   * @param mode the means by which it is placed
   * @param status such as CONFIRMED
   * @param reason why it was rejected; empty if it was not
   * @param amount what its accepted lines cost
   * @param lines by line number, from 1
   */
  record Order(
      PlaceMode mode,
      Optional<String> customer,
      String status,
      Optional<String> reason,
      BigDecimal amount,
      Map<Integer, Line> lines) {
    Order {
      lines = Map.copyOf(lines);
    }
  }

  /**
   * A line of an order or a cancellation.
   *
   * @param product stock code
   * @param pieces quantity
   * @param price of a piece; zero for lines of cancellations, which carry none
   * @param status such as ACCEPTED
   * @param reason why it was rejected; empty if it was not
   * @param cancelled how many pieces were given back later
   */
  record Line(
      String product,
      long pieces,
      BigDecimal price,
      String status,
      Optional<String> reason,
      long cancelled) {}

  /**
   * A cancellation.
   *
   * @param amount what is given back
   * @param lines by line number, from 1
   */
  record Cancellation(
      Optional<String> customer, String status, BigDecimal amount, Map<Integer, Line> lines) {
    Cancellation {
      lines = Map.copyOf(lines);
    }
  }

  /**
   * What moved stock.
   *
   * @param reference number of an order or a cancellation
   * @param kind such as SOLD
   * @param product stock code
   */
  record Movement(String reference, String kind, String product) {
    @Override
    public String toString() {
      return reference + " " + kind + " " + product;
    }
  }

  /**
   * What booked money.
   *
   * @param reference number of an order or a cancellation
   * @param kind such as CHARGE
   */
  record Entry(String reference, String kind) {
    @Override
    public String toString() {
      return reference + " " + kind;
    }
  }

  /** A user. */
  record User(String name, String email) {

    @Override
    public String toString() {
      return name + " <" + email + ">";
    }

    /** The names and addresses of the demo derive from the id. */
    static User of(String id) {
      return new User("Customer " + id, "customer-" + id + "@example.org");
    }
  }

  /** The one form of an amount, so that equal amounts are equal. */
  static BigDecimal money(BigDecimal amount) {
    BigDecimal plain = amount.stripTrailingZeros();
    return plain.scale() < 2 ? plain.setScale(2) : plain;
  }

  /** The bucket of an order's line: sold, or rejected by its own or the order's reason. */
  static String bucketOf(Order order, Line line) {
    if (!line.status().equals("ACCEPTED")) {
      return rejected(line.reason());
    }
    return switch (order.status()) {
      case "CONFIRMED" -> "sold";
      case "REJECTED" -> rejected(order.reason());
      default -> words(order.status());
    };
  }

  /** The bucket of a cancellation's line: refunded, or rejected by its reason. */
  static String bucketOf(Line line) {
    return line.status().equals("REFUNDED") ? "refunded" : rejected(line.reason());
  }

  private static String rejected(Optional<String> reason) {
    return "rejected: " + words(reason.orElse("no reason given"));
  }

  private static String words(String name) {
    return name.toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
