package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.cli.AuditReport.Difference;
import dev.tenon.cli.Books.Entry;
import dev.tenon.cli.Books.Flaw;
import dev.tenon.cli.Books.FlawKind;
import dev.tenon.cli.Books.Movement;
import dev.tenon.cli.Books.Order;
import java.math.BigDecimal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class AuditTest {
  private static final OrderBook INPUT =
      new OrderBook(
          "test",
          List.of(
              new Invoice(
                  "0",
                  Optional.of("anna"),
                  List.of(
                      new OrderLine("A", 4, new BigDecimal("1.50")),
                      new OrderLine("B", 1, BigDecimal.ZERO)))),
          Map.of());
  private static final Optional<PlaceMode> BY_MESSAGES = Optional.of(PlaceMode.MESSAGES);
  private static final Books EXPECTED = ExpectedBooks.of(INPUT, Demo.CHARGE_LIMIT);

  @Test
  void findsNothingWhereThereIsNothing() {
    AuditReport report = Audit.compare(INPUT, EXPECTED, EXPECTED);

    assertThat(report.consistent()).isTrue();
    assertThat(report.text())
        .contains("sold")
        .contains("rejected: price not positive")
        .contains("No difference");
  }

  @Test
  void reportsAMissingStockRowAsOneDifference() {
    Map<String, Long> onHand = new HashMap<>(EXPECTED.onHand());
    onHand.remove("A");

    assertThat(with(onHand, EXPECTED.movements(), EXPECTED.ledger(), EXPECTED.orders()))
        .containsExactly(
            new Difference(
                Optional.empty(),
                "stock on hand of A",
                String.valueOf(ExpectedBooks.RESERVE),
                "none"));
  }

  @Test
  void reportsAMissingMovementAndADoubleChargeAsOneDifferenceEach() {
    Map<Entry, BigDecimal> ledger = new HashMap<>(EXPECTED.ledger());
    ledger.put(new Entry("0", "CHARGE"), new BigDecimal("12.00"));

    assertThat(with(EXPECTED.onHand(), Map.of(), EXPECTED.ledger(), EXPECTED.orders()))
        .containsExactly(new Difference(BY_MESSAGES, "stock moved by 0 SOLD A", "-4", "none"));
    assertThat(with(EXPECTED.onHand(), EXPECTED.movements(), ledger, EXPECTED.orders()))
        .containsExactly(new Difference(BY_MESSAGES, "money booked by 0 CHARGE", "6.00", "12.00"));
  }

  @Test
  void reportsAnOrderThatIsMissingOnceAndItsLinesAsMissing() {
    Books found = books(EXPECTED.onHand(), EXPECTED.movements(), EXPECTED.ledger(), Map.of());
    AuditReport report = Audit.compare(INPUT, EXPECTED, found);

    assertThat(report.differences())
        .containsExactly(
            new Difference(
                BY_MESSAGES, "order 0", "CONFIRMED, 6.00, customer anna, by messages", "none"));
    assertThat(report.buckets())
        .filteredOn(count -> count.what().equals("missing"))
        .extracting(AuditReport.Count::found)
        .containsExactly(BigDecimal.valueOf(2));
    assertThat(report.text()).contains("1 difference:");
  }

  @Test
  void reportsWhatNobodyAskedFor() {
    Map<Movement, Long> movements = new HashMap<>(EXPECTED.movements());
    movements.put(new Movement("9", "SOLD", "A"), -1L);

    assertThat(with(EXPECTED.onHand(), movements, EXPECTED.ledger(), EXPECTED.orders()))
        .containsExactly(new Difference(Optional.empty(), "stock moved by 9 SOLD A", "none", "-1"));
  }

  @Test
  void countsWhatIsStillToBeDelivered() {
    Books nothingDelivered = books(EXPECTED.onHand(), Map.of(), Map.of(), EXPECTED.orders());

    assertThat(DemoRun.outstanding(EXPECTED, EXPECTED)).isZero();
    assertThat(DemoRun.outstanding(EXPECTED, nothingDelivered)).isEqualTo(2);
  }

  @Test
  void reportsWhatOughtNotToBeThereUnderTheModeOfItsOrder() {
    Optional<PlaceMode> tcc = Optional.of(PlaceMode.TCC);
    Optional<PlaceMode> saga = Optional.of(PlaceMode.SAGA);
    Optional<PlaceMode> at = Optional.of(PlaceMode.AT);
    Optional<PlaceMode> xa = Optional.of(PlaceMode.XA);
    Books found =
        new Books(
            EXPECTED.orders(),
            EXPECTED.cancellations(),
            EXPECTED.onHand(),
            EXPECTED.movements(),
            EXPECTED.ledger(),
            EXPECTED.deliveries(),
            EXPECTED.users(),
            EXPECTED.copies(),
            List.of(
                new Flaw(FlawKind.HOLD, tcc, "inventory: hold of A for order 3", "2"),
                new Flaw(FlawKind.LOCK, at, "inventory: lock in stock_pkey by x", "R 1"),
                new Flaw(FlawKind.IMAGE, at, "inventory: image of a row of stock", "branch y"),
                new Flaw(FlawKind.PREPARED, xa, "payment: prepared transaction z", "since now"),
                new Flaw(FlawKind.MESSAGES, xa, "order: messages about order 4", "stock WAITING"),
                new Flaw(FlawKind.OPEN, saga, "payment: branch stock of x", "OPEN"),
                new Flaw(FlawKind.NEGATIVE, Optional.empty(), "lowest stock of A", "-1")));

    AuditReport report = Audit.compare(INPUT, EXPECTED, found);

    assertThat(report.consistent()).isFalse();
    assertThat(report.differences())
        .containsExactly(
            new Difference(tcc, "inventory: hold of A for order 3", "none", "2"),
            new Difference(at, "inventory: lock in stock_pkey by x", "none", "R 1"),
            new Difference(at, "inventory: image of a row of stock", "none", "branch y"),
            new Difference(xa, "payment: prepared transaction z", "none", "since now"),
            new Difference(xa, "order: messages about order 4", "none", "stock WAITING"),
            new Difference(saga, "payment: branch stock of x", "none", "OPEN"),
            new Difference(Optional.empty(), "lowest stock of A", "none", "-1"));
    assertCounts(report, ModeAudit::differences, 0L, 1L, 1L, 2L, 2L, 0L);
    assertCounts(report, ModeAudit::holds, 0L, 0L, 1L, 0L, 0L, 0L);
    assertCounts(report, ModeAudit::locks, 0L, 0L, 0L, 1L, 0L, 0L);
    assertCounts(report, ModeAudit::images, 0L, 0L, 0L, 1L, 0L, 0L);
    assertCounts(report, ModeAudit::prepared, 0L, 0L, 0L, 0L, 1L, 0L);
    assertCounts(report, ModeAudit::open, 0L, 1L, 0L, 0L, 0L, 0L);
    assertThat(DemoRun.outstanding(EXPECTED, found)).isEqualTo(7);
  }

  /** In the order of the modes. */
  private static void assertCounts(
      AuditReport report, Function<ModeAudit, Long> count, Long... expected) {
    assertThat(report.modes()).extracting(count).containsExactly(expected);
  }

  @Test
  void addsUpWhatCameOfEachMode() {
    ModeAudit messages = Audit.compare(INPUT, EXPECTED, EXPECTED).modes().getFirst();

    assertThat(messages.confirmed()).isOne();
    assertThat(messages.piecesSold()).isEqualTo(4).isEqualTo(messages.piecesOrdered());
    assertThat(messages.moneyCharged()).isEqualTo("6.00").isEqualTo(messages.moneyOwed());
  }

  private static List<Difference> with(
      Map<String, Long> onHand,
      Map<Movement, Long> movements,
      Map<Entry, BigDecimal> ledger,
      Map<String, Order> orders) {
    return Audit.compare(INPUT, EXPECTED, books(onHand, movements, ledger, orders)).differences();
  }

  private static Books books(
      Map<String, Long> onHand,
      Map<Movement, Long> movements,
      Map<Entry, BigDecimal> ledger,
      Map<String, Order> orders) {
    return new Books(
        orders,
        EXPECTED.cancellations(),
        onHand,
        movements,
        ledger,
        EXPECTED.deliveries(),
        EXPECTED.users(),
        EXPECTED.copies(),
        List.of());
  }
}
