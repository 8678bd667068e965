package dev.tenon.cli;

import dev.tenon.cli.AuditReport.Difference;
import dev.tenon.cli.Books.FlawKind;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * What came of the orders that were placed by one means.
 *
 * @param mode the means
 * @param confirmed orders that were confirmed
 * @param rejected orders that were rejected
 * @param piecesOrdered of confirmed orders
 * @param piecesSold of all orders, without what was released again
 * @param moneyOwed for confirmed orders
 * @param moneyCharged for all orders, without what was voided
 * @param holds of stock or money that nobody ends
 * @param locks of rows, by AT, that nobody releases
 * @param images of rows, for AT, that are neither applied nor dropped
 * @param prepared transactions of databases, by XA, that nobody ends
 * @param open branches, decisions and sagas that have not ended
 * @param differences facts that are not as they ought to be
 */
record ModeAudit(
    PlaceMode mode,
    long confirmed,
    long rejected,
    long piecesOrdered,
    long piecesSold,
    BigDecimal moneyOwed,
    BigDecimal moneyCharged,
    long holds,
    long locks,
    long images,
    long prepared,
    long open,
    long differences) {

  /**
   * Adds it up for each means.
   *
   * @param modeOf the means by which an order was placed, by its number
   * @param differences all that were found
   */
  static List<ModeAudit> of(
      Books found, Function<String, Optional<PlaceMode>> modeOf, List<Difference> differences) {
    return Arrays.stream(PlaceMode.values())
        .map(mode -> of(mode, found, modeOf, differences))
        .toList();
  }

  private static ModeAudit of(
      PlaceMode mode,
      Books found,
      Function<String, Optional<PlaceMode>> modeOf,
      List<Difference> differences) {
    Optional<PlaceMode> own = Optional.of(mode);
    List<Books.Order> confirmed =
        found.orders().values().stream()
            .filter(order -> order.mode() == mode && order.status().equals("CONFIRMED"))
            .toList();
    long rejected =
        found.orders().values().stream()
            .filter(order -> order.mode() == mode && order.status().equals("REJECTED"))
            .count();
    long moved =
        found.movements().entrySet().stream()
            .filter(moves -> modeOf.apply(moves.getKey().reference()).equals(own))
            .mapToLong(Map.Entry::getValue)
            .sum();
    BigDecimal charged =
        found.ledger().entrySet().stream()
            .filter(booked -> modeOf.apply(booked.getKey().reference()).equals(own))
            .map(Map.Entry::getValue)
            .reduce(BigDecimal.ZERO, BigDecimal::add);
    return new ModeAudit(
        mode,
        confirmed.size(),
        rejected,
        confirmed.stream().mapToLong(ModeAudit::pieces).sum(),
        -moved,
        Books.money(
            confirmed.stream().map(Books.Order::amount).reduce(BigDecimal.ZERO, BigDecimal::add)),
        Books.money(charged),
        flaws(found, mode, FlawKind.HOLD),
        flaws(found, mode, FlawKind.LOCK),
        flaws(found, mode, FlawKind.IMAGE),
        flaws(found, mode, FlawKind.PREPARED),
        flaws(found, mode, FlawKind.OPEN),
        differences.stream().filter(one -> one.mode().equals(own)).count());
  }

  private static long pieces(Books.Order order) {
    return order.lines().values().stream()
        .filter(line -> line.status().equals("ACCEPTED"))
        .mapToLong(Books.Line::pieces)
        .sum();
  }

  private static long flaws(Books found, PlaceMode mode, FlawKind kind) {
    return found.flaws().stream()
        .filter(flaw -> flaw.kind() == kind && flaw.mode().equals(Optional.of(mode)))
        .count();
  }
}
