package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.cli.Books.Entry;
import dev.tenon.cli.Books.Movement;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExpectedBooksTest {
  private static final BigDecimal LIMIT = new BigDecimal("100.00");

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          anna,  2,  1.50, sold
          '',    2,  1.50, rejected: no customer
          '',   -2,  0.00, rejected: no customer
          anna, -2,  0.00, rejected: quantity not positive
          anna,  0,  1.50, rejected: quantity not positive
          anna,  2,  0.00, rejected: price not positive
          anna,  2, -1.50, rejected: price not positive
          anna, 10, 10.00, sold
          anna, 10, 10.01, rejected: charge refused
          """)
  void putsALineOfAnOrderIntoOneBucket(
      String customer, int quantity, BigDecimal price, String bucket) {
    Books books = books(invoice("1", customer, new OrderLine("A", quantity, price)));

    assertThat(bucketOfOrder(books, "1", 1)).isEqualTo(bucket);
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          anna,  A, -2,  refunded
          anna,  A, -10, refunded
          anna,  A, -11, rejected: not bought
          anna,  B, -1,  rejected: not bought
          bruno, A, -1,  rejected: not bought
          '',    A, -1,  rejected: no customer
          anna,  A,  1,  rejected: quantity not positive
          """)
  void putsALineOfACancellationIntoOneBucket(
      String customer, String product, int quantity, String bucket) {
    Books books =
        books(
            invoice("1", "anna", line("A", 4, "1.00")),
            invoice("2", "anna", line("A", 6, "2.00")),
            invoice("C3", customer, line(product, quantity, "1.00")));

    assertThat(Books.bucketOf(books.cancellations().get("C3").lines().get(1))).isEqualTo(bucket);
  }

  @Test
  void refundsTheNewestPurchasesFirstAtThePricesPaid() {
    Books books =
        books(
            invoice("1", "anna", line("A", 4, "1.00")),
            invoice("2", "anna", line("A", 6, "2.00")),
            invoice("C3", "anna", line("A", -7, "9.00")),
            invoice("C4", "anna", line("A", -3, "9.00"), line("A", -1, "9.00")));

    assertThat(books.cancellations().get("C3").amount()).isEqualTo("13.00");
    assertThat(books.cancellations().get("C4").amount()).isEqualTo("3.00");
    assertThat(books.cancellations().get("C4").lines().get(2).status()).isEqualTo("REJECTED");
    assertThat(books.ledger())
        .containsEntry(new Entry("2", "CHARGE"), new BigDecimal("12.00"))
        .containsEntry(new Entry("C3", "REFUND"), new BigDecimal("-13.00"));
    assertThat(books.movements())
        .containsEntry(new Movement("C3", "RESTOCKED", "A"), 7L)
        .containsEntry(new Movement("C4", "RESTOCKED", "A"), 3L);
    assertThat(books.onHand()).isEqualTo(Map.of("A", 10 + ExpectedBooks.RESERVE));
  }

  @Test
  void neverRefundsWhatWasBoughtLaterOrNotAtAll() {
    Books books =
        books(
            invoice("C1", "anna", line("A", -1, "1.00")),
            invoice("2", "anna", line("A", 1, "1.00")),
            invoice("3", "anna", line("B", 1, "100.01")),
            invoice("C4", "anna", line("B", -1, "100.01")));

    assertThat(books.ledger()).containsOnlyKeys(new Entry("2", "CHARGE"));
    assertThat(books.cancellations().values())
        .extracting(Books.Cancellation::status)
        .containsOnly("REJECTED");
  }

  @Test
  void placesOneOfEvenTheFewestOrdersByMessages() {
    Invoice nobodys = new Invoice("303", Optional.empty(), List.of(line("A", 1, "1.00")));
    List<Invoice> few =
        List.of(nobodys, invoice("304", "anna", line("A", 1, "1.00")), invoice("305", "bert"));
    List<Invoice> more = new ArrayList<>(few);
    more.add(invoice("312", "anna", line("A", 1, "1.00")));
    PlaceMode dealt = PlaceMode.dealtTo("304");

    assertThat(PlaceMode.dealtTo("312")).isEqualTo(PlaceMode.MESSAGES).isNotEqualTo(dealt);
    assertThat(new OrderBook("test", few, Map.of()).modes())
        .containsEntry("304", PlaceMode.MESSAGES);
    assertThat(new OrderBook("test", more, Map.of()).modes()).containsEntry("304", dealt);
  }

  @Test
  void undoesWhatOneServiceDidWhenTheOtherRefuses() {
    List<String> outOfStock = List.of("300", "301", "302", "303", "304", "305");
    List<String> tooDear = List.of("312", "313", "314", "315", "316", "317");
    List<Invoice> invoices = new ArrayList<>();
    outOfStock.forEach(
        no -> invoices.add(invoice(no, "anna", line("A", 1, "5.00"), line("GONE", 1, "1.00"))));
    tooDear.forEach(no -> invoices.add(invoice(no, "anna", line("A", 3, "50.00"))));
    OrderBook input = new OrderBook("test", invoices, Map.of("GONE", 0L));
    Books books = ExpectedBooks.of(input, LIMIT);

    assertThat(outOfStock.stream().map(PlaceMode::dealtTo))
        .containsExactlyInAnyOrder(PlaceMode.values());
    assertThat(tooDear.stream().map(PlaceMode::dealtTo)).containsExactly(PlaceMode.values());
    assertThat(PlaceMode.dealtTo("303")).isEqualTo(PlaceMode.MESSAGES);
    assertThat(outOfStock)
        .allSatisfy(no -> assertThat(books.orders().get(no).reason()).contains("OUT_OF_STOCK"));
    assertThat(tooDear)
        .allSatisfy(no -> assertThat(books.orders().get(no).reason()).contains("CHARGE_REFUSED"));
    assertThat(books.ledger())
        .containsOnlyKeys(new Entry("303", "CHARGE"), new Entry("303", "VOID"));
    assertThat(books.movements())
        .containsOnlyKeys(
            new Movement("312", "SOLD", "A"),
            new Movement("312", "RELEASED", "A"),
            new Movement("313", "SOLD", "A"),
            new Movement("313", "RELEASED", "A"));
    assertThat(books.deliveries()).isEmpty();
    assertThat(books.onHand()).isEqualTo(Map.of("A", 24 + ExpectedBooks.RESERVE, "GONE", 0L));
  }

  @Test
  void refusesAnOrderOfMoreThanThereEverIs() {
    Books books =
        books(
            invoice("1", "anna", line("A", ExpectedBooks.LARGE + 1, "0.0001")),
            invoice("2", "anna", line("A", 1, "1.00")));

    assertThat(books.orders().get("1").reason()).contains("OUT_OF_STOCK");
    assertThat(books.orders().get("2").status()).isEqualTo("CONFIRMED");
    assertThat(books.onHand()).isEqualTo(Map.of("A", ExpectedBooks.RESERVE));
  }

  @Test
  void letsChanceSayWhoGetsWhatIsScarceButNotHowMany() {
    OrderBook input =
        new OrderBook(
            "test",
            List.of(
                invoice("1", "anna", line("RARE", 3, "1.00")),
                invoice("2", "anna", line("RARE", 3, "1.00")),
                invoice("3", "anna", line("RARE", 3, "1.00"))),
            Map.of("RARE", 7L));
    Books first = ExpectedBooks.of(input, LIMIT);
    Map<String, Books.Order> swapped = new HashMap<>(first.orders());
    swapped.put("1", first.orders().get("3"));
    swapped.put("3", first.orders().get("1"));

    Books other = ExpectedBooks.of(input, LIMIT, withOrders(first, swapped));
    Books oversold = ExpectedBooks.of(input, LIMIT, withOrders(first, Map.of()));

    assertThat(first.orders().get("3").reason()).contains("OUT_OF_STOCK");
    assertThat(other.orders().get("1").reason()).contains("OUT_OF_STOCK");
    assertThat(other.orders().get("3").status()).isEqualTo("CONFIRMED");
    assertThat(List.of(first, other, oversold))
        .allSatisfy(books -> assertThat(books.onHand()).containsEntry("RARE", 1L));
  }

  private static Books withOrders(Books books, Map<String, Books.Order> orders) {
    return new Books(
        orders,
        books.cancellations(),
        books.onHand(),
        books.movements(),
        books.ledger(),
        books.deliveries(),
        books.users(),
        books.copies(),
        books.flaws());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5})
  void generatesOrdersOfEachModeThatAreRefusedForEachReason(int round) {
    OrderBook input = GeneratedOrders.round(round);
    Books books = ExpectedBooks.of(input, Demo.CHARGE_LIMIT);

    for (PlaceMode mode : PlaceMode.values()) {
      List<String> reasons =
          books.orders().values().stream()
              .filter(order -> order.mode() == mode)
              .flatMap(order -> order.reason().stream())
              .toList();
      assertThat(reasons).as(mode.text()).contains("OUT_OF_STOCK", "CHARGE_REFUSED");
      assertThat(books.orders().values())
          .filteredOn(order -> order.mode() == mode)
          .anyMatch(
              order ->
                  order.lines().values().stream()
                      .anyMatch(line -> line.pieces() > ExpectedBooks.LARGE));
    }
  }

  @Test
  void addsUpTheLinesOfOneProduct() {
    Books books = books(invoice("1", "anna", line("A", 1, "5.00"), line("A", 2, "4.00")));

    assertThat(books.movements()).isEqualTo(Map.of(new Movement("1", "SOLD", "A"), -3L));
    assertThat(books.orders().get("1").amount()).isEqualTo("13.00");
  }

  @Test
  void generatesEveryKindOfLine() {
    OrderBook input = GeneratedOrders.make();
    Books books = ExpectedBooks.of(input, Demo.CHARGE_LIMIT);
    AuditReport report = Audit.compare(input, books, books);

    assertThat(report.consistent()).isTrue();
    assertThat(report.buckets())
        .extracting(AuditReport.Count::what)
        .containsExactly(
            "sold",
            "refunded",
            "rejected: charge refused",
            "rejected: no customer",
            "rejected: not bought",
            "rejected: out of stock",
            "rejected: price not positive",
            "rejected: quantity not positive");
    assertThat(report.buckets()).allSatisfy(bucket -> assertThat(bucket.found()).isPositive());
    assertThat(report.buckets().stream().mapToInt(one -> one.found().intValueExact()).sum())
        .isEqualTo(input.lines());
    assertThat(input).isEqualTo(GeneratedOrders.make());
  }

  private static Books books(Invoice... invoices) {
    return ExpectedBooks.of(new OrderBook("test", List.of(invoices), Map.of()), LIMIT);
  }

  private static Invoice invoice(String number, String customer, OrderLine... lines) {
    return new Invoice(
        number,
        Optional.of(customer).filter(name -> !name.isEmpty()),
        new ArrayList<>(List.of(lines)));
  }

  private static OrderLine line(String product, int quantity, String price) {
    return new OrderLine(product, quantity, new BigDecimal(price));
  }

  private static String bucketOfOrder(Books books, String number, int line) {
    Books.Order order = books.orders().get(number);
    return Books.bucketOf(order, order.lines().get(line));
  }
}
