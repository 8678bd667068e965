package dev.tenon.cli;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/**
 * A small set of orders for a demo without a file: always the same, with every kind of line that
 * real files have, clean or not.
 */
final class GeneratedOrders {
  static final int ORDERS = 200;

  /** As many for each means of placing them. */
  static final int ORDERS_OF_A_ROUND = 201;

  private static final String SOLD_OUT = "900";
  private static final String CONTESTED = "901";
  private static final long CONTESTED_STOCK = 30;
  private static final int CUSTOMERS = 40;
  private static final int PRODUCTS = 60;
  private static final int SPECIAL_EVERY = 14;
  private static final int LINES_MAX = 8;
  private static final int PIECES_MAX = 12;
  private static final BigDecimal CHEAP = new BigDecimal("0.0001");
  private static final int FIRST_NUMBER = 100_000;
  private static final int FIRST_CUSTOMER = 2_000;
  private static final long SEED = 20_101_201;

  private static final int NUMBERS_PER_ROUND = 1_000;

  private final Random random;
  private final String product;
  private final int firstCustomer;
  private final List<Invoice> invoices = new ArrayList<>();
  private final Map<PlaceMode, Integer> plain = new EnumMap<>(PlaceMode.class);
  private int number;

  private GeneratedOrders(int round, String product) {
    this.random = new Random(SEED + round);
    this.product = product;
    this.firstCustomer = FIRST_CUSTOMER + round * CUSTOMERS;
    this.number = FIRST_NUMBER + round * NUMBERS_PER_ROUND;
  }

  static OrderBook make() {
    return new GeneratedOrders(0, "T").all(ORDERS);
  }

  /**
   * About as many as {@link #make}, others for each round: with numbers, customers and products
   * that no other round has.
   *
   * @param round from 0
   */
  static OrderBook round(int round) {
    return new GeneratedOrders(round, "R" + round + "-").all(ORDERS_OF_A_ROUND);
  }

  private OrderBook all(int orders) {
    for (int i = 0; i < orders; i++) {
      Invoice order = order(i);
      invoices.add(order);
      if (i % 8 == 5) {
        invoices.add(cancellation(order, i));
      }
    }
    return new OrderBook(
        "generated orders",
        invoices,
        Map.of(product + SOLD_OUT, 0L, product + CONTESTED, CONTESTED_STOCK));
  }

  private Invoice order(int index) {
    List<OrderLine> lines = new ArrayList<>();
    int count = 1 + random.nextInt(LINES_MAX);
    for (int i = 0; i < count; i++) {
      lines.add(line(product + (100 + random.nextInt(PRODUCTS)), 1 + random.nextInt(PIECES_MAX)));
    }
    Optional<String> customer =
        Optional.of(String.valueOf(firstCustomer + random.nextInt(CUSTOMERS)));
    switch (index % 25) {
      case 3 -> lines.add(new OrderLine(product + "101", 2, price(0)));
      case 7 -> lines.add(line(product + "102", -4));
      case 11 -> customer = Optional.empty();
      case 21 ->
          lines = List.of(line(product + "104", -1), new OrderLine(product + "105", 1, price(0)));
      default -> special().ifPresent(lines::add);
    }
    return new Invoice(String.valueOf(number++), customer, lines);
  }

  /**
   * Now and then a line for which the next order is refused as a whole, or may be: for each means
   * alike.
   */
  private Optional<OrderLine> special() {
    PlaceMode mode = PlaceMode.dealtTo(String.valueOf(number));
    return switch (plain.merge(mode, 1, Integer::sum) % SPECIAL_EVERY) {
      case 1, 5, 9 -> Optional.of(line(product + CONTESTED, ExpectedBooks.SCARCE_WANTED));
      case 3 -> Optional.of(line(product + SOLD_OUT, ExpectedBooks.SCARCE_WANTED));
      case 7 -> Optional.of(new OrderLine(product + "106", ExpectedBooks.LARGE + 1, CHEAP));
      case 11 -> Optional.of(new OrderLine(product + "103", 400, price(9_999)));
      default -> Optional.empty();
    };
  }

  /** Gives back the order's first line, and in turn something that cannot be given back. */
  private Invoice cancellation(Invoice order, int index) {
    OrderLine first = order.lines().getFirst();
    List<OrderLine> lines = new ArrayList<>();
    lines.add(new OrderLine(first.stockCode(), -first.quantity(), first.unitPrice()));
    Optional<String> customer = order.customer();
    switch (index / 8 % 5) {
      case 1 -> lines.add(line(product + "D", -1));
      case 2 -> customer = Optional.empty();
      case 3 -> lines.add(line(first.stockCode(), 3));
      case 4 -> lines.set(0, line(first.stockCode(), -100_000));
      default -> {}
    }
    return new Invoice("C" + number++, customer, lines);
  }

  private OrderLine line(String product, int pieces) {
    return new OrderLine(product, pieces, price(25 + random.nextInt(2_000)));
  }

  private static BigDecimal price(int cents) {
    return BigDecimal.valueOf(cents, 2).setScale(4);
  }
}
