package dev.tenon.examples.quickstart.order;

import java.math.BigDecimal;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.namedparam.MapSqlParameterSource;
import org.springframework.jdbc.core.namedparam.NamedParameterJdbcOperations;
import org.springframework.jdbc.core.namedparam.SqlParameterSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;

/** Orders and their lines. */
@Repository
class OrderTable {
  private final JdbcClient jdbc;
  private final NamedParameterJdbcOperations batch;

  OrderTable(JdbcClient jdbc, NamedParameterJdbcOperations batch) {
    this.jdbc = jdbc;
    this.batch = batch;
  }

  /** How far inventory or payment has come. */
  enum Step {
    WAITING,
    DONE,
    REFUSED
  }

  record State(String orderNo, String status, Step stock, Step payment) {}

  record Summary(String orderNo, String status, BigDecimal amount) {}

  record Customer(String id, @Nullable String name) {}

  record Line(
      int lineNo,
      String stockCode,
      int quantity,
      BigDecimal unitPrice,
      String status,
      @Nullable String reason,
      int cancelled) {}

  record Order(
      String orderNo,
      @Nullable Customer customer,
      String mode,
      String status,
      @Nullable String reason,
      BigDecimal amount,
      List<Line> lines) {}

  /** How an order was taken, to tell a repetition from another request. */
  record Taken(Mode mode, String requestHash, String status, @Nullable String reason) {}

  /** Inserts the order and its lines; false if there is one of that number. */
  boolean insert(NewOrder order, Mode mode, String status, @Nullable String reason) {
    boolean inserted =
        jdbc.sql(
                    """
                    INSERT INTO orders
                      (order_no, customer_id, mode, status, reason, amount, request_hash)
                    VALUES (:number, :customer, :mode, :status, :reason, :amount, :hash)
                    ON CONFLICT DO NOTHING
                    """)
                .param("number", order.orderNo())
                .param("customer", order.customerId())
                .param("mode", mode.text())
                .param("status", status)
                .param("reason", reason)
                .param("amount", order.total())
                .param("hash", Requests.hash(order))
                .update()
            == 1;
    if (inserted) {
      insertLines(order);
    }
    return inserted;
  }

  private void insertLines(NewOrder order) {
    SqlParameterSource[] lines =
        IntStream.range(0, order.lines().size())
            .mapToObj(i -> line(order, i))
            .toArray(SqlParameterSource[]::new);
    batch.batchUpdate(
        """
        INSERT INTO order_line (order_no, line_no, stock_code, quantity, unit_price, status, reason)
        VALUES (:orderNo, :lineNo, :stockCode, :quantity, :unitPrice, :status, :reason)
        """,
        lines);
  }

  private static SqlParameterSource line(NewOrder order, int index) {
    NewOrder.Line line = order.lines().get(index);
    Optional<String> refusal = order.refusal(line);
    return new MapSqlParameterSource("orderNo", order.orderNo())
        .addValue("lineNo", index + 1)
        .addValue("stockCode", line.stockCode())
        .addValue("quantity", line.quantity())
        .addValue("unitPrice", line.unitPrice())
        .addValue("status", refusal.isPresent() ? LineResult.REJECTED : "ACCEPTED")
        .addValue("reason", refusal.orElse(null));
  }

  Optional<Taken> taken(String orderNo) {
    return jdbc.sql("SELECT mode, request_hash, status, reason FROM orders WHERE order_no = ?")
        .param(orderNo)
        .query(
            (row, number) ->
                new Taken(
                    Mode.of(row.getString("mode")),
                    row.getString("request_hash"),
                    row.getString("status"),
                    row.getString("reason")))
        .optional();
  }

  List<LineResult> lineResults(String orderNo) {
    return jdbc.sql(
            "SELECT line_no, status, reason FROM order_line WHERE order_no = ? ORDER BY line_no")
        .param(orderNo)
        .query(LineResult.class)
        .list();
  }

  State stockAnswered(String orderNo, Step step) {
    return jdbc.sql(
            """
            UPDATE orders SET stock = ? WHERE order_no = ?
            RETURNING order_no, status, stock, payment
            """)
        .params(step.name(), orderNo)
        .query(State.class)
        .single();
  }

  State paymentAnswered(String orderNo, Step step) {
    return jdbc.sql(
            """
            UPDATE orders SET payment = ? WHERE order_no = ?
            RETURNING order_no, status, stock, payment
            """)
        .params(step.name(), orderNo)
        .query(State.class)
        .single();
  }

  void end(String orderNo, String status, @Nullable String reason) {
    jdbc.sql("UPDATE orders SET status = :status, reason = :reason WHERE order_no = :number")
        .param("status", status)
        .param("reason", reason)
        .param("number", orderNo)
        .update();
  }

  /** Keeps why the order will be rejected; the first reason stands. */
  void note(String orderNo, String reason) {
    jdbc.sql("UPDATE orders SET reason = coalesce(reason, ?) WHERE order_no = ?")
        .params(reason, orderNo)
        .update();
  }

  /** Rejects the order for the reason that was noted, or else for this one. */
  void reject(String orderNo, String otherwise) {
    jdbc.sql(
            """
            UPDATE orders SET status = 'REJECTED', reason = coalesce(reason, ?) WHERE order_no = ?
            """)
        .params(otherwise, orderNo)
        .update();
  }

  /** The order, with the customer's name from this service's own copy of the users. */
  Optional<Order> find(String orderNo) {
    return jdbc.sql(
            """
            SELECT o.*, u.name FROM orders o LEFT JOIN user_copy u ON u.id = o.customer_id
            WHERE order_no = ?
            """)
        .param(orderNo)
        .query(
            (row, number) ->
                new Order(
                    orderNo,
                    row.getString("customer_id") == null
                        ? null
                        : new Customer(row.getString("customer_id"), row.getString("name")),
                    row.getString("mode"),
                    row.getString("status"),
                    row.getString("reason"),
                    row.getBigDecimal("amount"),
                    lines(orderNo)))
        .optional();
  }

  private List<Line> lines(String orderNo) {
    return jdbc.sql("SELECT * FROM order_line WHERE order_no = ? ORDER BY line_no")
        .param(orderNo)
        .query(Line.class)
        .list();
  }

  List<Summary> ofCustomer(String customerId) {
    return jdbc.sql(
            """
            SELECT order_no, status, amount FROM orders WHERE customer_id = ? ORDER BY order_no
            """)
        .param(customerId)
        .query(Summary.class)
        .list();
  }
}
