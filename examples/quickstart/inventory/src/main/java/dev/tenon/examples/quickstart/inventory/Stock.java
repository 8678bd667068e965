package dev.tenon.examples.quickstart.inventory;

import dev.tenon.examples.quickstart.messages.Item;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import org.springframework.jdbc.core.namedparam.MapSqlParameterSource;
import org.springframework.jdbc.core.namedparam.NamedParameterJdbcOperations;
import org.springframework.jdbc.core.namedparam.SqlParameterSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;
import org.springframework.transaction.annotation.Transactional;

/** The stock and its journal, which change together. */
@Repository
class Stock {
  private final JdbcClient jdbc;
  private final NamedParameterJdbcOperations batch;

  Stock(JdbcClient jdbc, NamedParameterJdbcOperations batch) {
    this.jdbc = jdbc;
    this.batch = batch;
  }

  /** Why stock moves. */
  enum Kind {
    OPENING(1),
    SOLD(-1),
    RELEASED(1),
    RESTOCKED(1);

    private final int sign;

    Kind(int sign) {
      this.sign = sign;
    }
  }

  /** What there is of the items of an order. */
  enum Supply {
    /** There is enough of everything. */
    ENOUGH,
    /** There is, but some of it is put aside for orders that may come to nothing. */
    ON_HOLD,
    /** There is too little of something. */
    TOO_LITTLE
  }

  private record Level(int onHand, int held) {
    static final Level NOTHING = new Level(0, 0);

    Supply of(int wanted) {
      if (onHand < wanted) {
        return Supply.TOO_LITTLE;
      }
      return onHand - held < wanted ? Supply.ON_HOLD : Supply.ENOUGH;
    }
  }

  /** What there is of everything; it stays so until the transaction ends. */
  Supply lockedSupply(List<Item> items) {
    Map<String, Level> levels =
        jdbc
            .sql(
                """
                SELECT stock_code, on_hand, held FROM stock WHERE stock_code = ANY (:codes)
                ORDER BY stock_code FOR UPDATE
                """)
            .param("codes", items.stream().map(Item::stockCode).toArray(String[]::new))
            .query((row, n) -> Map.entry(row.getString(1), new Level(row.getInt(2), row.getInt(3))))
            .stream()
            .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    return items.stream()
        .map(item -> levels.getOrDefault(item.stockCode(), Level.NOTHING).of(item.quantity()))
        .max(Comparator.naturalOrder())
        .orElse(Supply.ENOUGH);
  }

  void move(Kind kind, String reference, List<Item> items) {
    SqlParameterSource[] moves =
        rows(
            items,
            (item, row) ->
                row.addValue("quantity", kind.sign * item.quantity())
                    .addValue("kind", kind.name())
                    .addValue("reference", reference));
    batch.batchUpdate(
        "UPDATE stock SET on_hand = on_hand + :quantity WHERE stock_code = :code", moves);
    batch.batchUpdate(
        """
        INSERT INTO stock_movement (stock_code, reference, kind, quantity)
        VALUES (:code, :reference, :kind, :quantity)
        """,
        moves);
  }

  /** Puts items aside that are on hand. */
  void hold(UUID id, String orderNo, List<Item> items) {
    SqlParameterSource[] held =
        rows(
            items,
            (item, row) ->
                row.addValue("quantity", item.quantity())
                    .addValue("id", id)
                    .addValue("orderNo", orderNo));
    batch.batchUpdate("UPDATE stock SET held = held + :quantity WHERE stock_code = :code", held);
    batch.batchUpdate(
        """
        INSERT INTO stock_hold (id, stock_code, order_no, quantity)
        VALUES (:id, :code, :orderNo, :quantity)
        """,
        held);
  }

  /** Nothing is put aside by this hold any more. */
  void endHold(UUID id, List<Item> items) {
    SqlParameterSource[] held =
        rows(items, (item, row) -> row.addValue("quantity", item.quantity()).addValue("id", id));
    batch.batchUpdate("UPDATE stock SET held = held - :quantity WHERE stock_code = :code", held);
    batch.batchUpdate("DELETE FROM stock_hold WHERE id = :id AND stock_code = :code", held);
  }

  /** Each attempt to place an order books its own. */
  void bookDelivery(UUID id, String orderNo) {
    jdbc.sql("INSERT INTO delivery (id, order_no) VALUES (?, ?)").params(id, orderNo).update();
  }

  void cancelDelivery(UUID id) {
    jdbc.sql("DELETE FROM delivery WHERE id = ?").param(id).update();
  }

  /** A row for each item, so sorted that locks are always taken in one order. */
  private static SqlParameterSource[] rows(
      List<Item> items, BiFunction<Item, MapSqlParameterSource, SqlParameterSource> row) {
    return items.stream()
        .sorted(Comparator.comparing(Item::stockCode))
        .map(item -> row.apply(item, new MapSqlParameterSource("code", item.stockCode())))
        .toArray(SqlParameterSource[]::new);
  }

  List<Item> sold(String orderNo) {
    return jdbc.sql(
            """
            SELECT stock_code, -quantity AS quantity FROM stock_movement
            WHERE reference = ? AND kind = 'SOLD'
            """)
        .param(orderNo)
        .query(Item.class)
        .list();
  }

  /** Opens the stock of products that are not known yet. */
  @Transactional
  public void open(List<Item> items) {
    SqlParameterSource[] levels =
        rows(items, (item, row) -> row.addValue("quantity", item.quantity()));
    batch.batchUpdate(
        """
        WITH opened AS (
          INSERT INTO stock VALUES (:code, :quantity) ON CONFLICT DO NOTHING RETURNING *)
        INSERT INTO stock_movement (stock_code, reference, kind, quantity)
        SELECT stock_code, 'OPENING', 'OPENING', on_hand FROM opened
        """,
        levels);
  }

  List<String> unknown(List<String> stockCodes) {
    return jdbc.sql(
            "SELECT code FROM unnest(:codes) AS wanted(code)"
                + " WHERE NOT EXISTS (SELECT FROM stock WHERE stock_code = code)")
        .param("codes", stockCodes.toArray(String[]::new))
        .query(String.class)
        .list();
  }

  Optional<Integer> onHand(String stockCode) {
    return jdbc.sql("SELECT on_hand FROM stock WHERE stock_code = ?")
        .param(stockCode)
        .query(Integer.class)
        .optional();
  }
}
