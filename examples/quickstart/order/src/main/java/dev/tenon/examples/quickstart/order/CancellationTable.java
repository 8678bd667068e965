package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.order.Cancellations.Match;
import dev.tenon.examples.quickstart.order.Cancellations.Purchase;
import java.math.BigDecimal;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.springframework.jdbc.core.namedparam.MapSqlParameterSource;
import org.springframework.jdbc.core.namedparam.NamedParameterJdbcOperations;
import org.springframework.jdbc.core.namedparam.SqlParameterSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;

/** Cancellations, their lines, and the purchases they took back. */
@Repository
class CancellationTable {
  private final JdbcClient jdbc;
  private final NamedParameterJdbcOperations batch;

  CancellationTable(JdbcClient jdbc, NamedParameterJdbcOperations batch) {
    this.jdbc = jdbc;
    this.batch = batch;
  }

  /** Inserts the cancellation, rejected so far; false if there is one of that number. */
  boolean insert(NewCancellation request, String hash) {
    return jdbc.sql(
                """
                INSERT INTO cancellation
                  (cancellation_no, customer_id, status, amount, request_hash)
                VALUES (:number, :customer, 'REJECTED', 0, :hash) ON CONFLICT DO NOTHING
                """)
            .param("number", request.cancellationNo())
            .param("customer", request.customerId())
            .param("hash", hash)
            .update()
        == 1;
  }

  String hash(String cancellationNo) {
    return jdbc.sql("SELECT request_hash FROM cancellation WHERE cancellation_no = ?")
        .param(cancellationNo)
        .query(String.class)
        .single();
  }

  Optional<BigDecimal> amount(String cancellationNo) {
    return jdbc.sql("SELECT amount FROM cancellation WHERE cancellation_no = ?")
        .param(cancellationNo)
        .query(BigDecimal.class)
        .optional();
  }

  List<LineResult> lineResults(String cancellationNo) {
    return jdbc.sql(
            """
            SELECT line_no, status, reason FROM cancellation_line
            WHERE cancellation_no = ? ORDER BY line_no
            """)
        .param(cancellationNo)
        .query(LineResult.class)
        .list();
  }

  /** What the customer bought of these products and has not cancelled; newest order first. */
  List<Purchase> lockedPurchases(NewCancellation request) {
    return jdbc.sql(
            """
            SELECT l.order_no, l.line_no, l.stock_code, l.quantity - l.cancelled AS open,
              l.unit_price, o.status
            FROM order_line l JOIN orders o USING (order_no)
            WHERE o.customer_id = :customer AND o.status IN ('PENDING', 'CONFIRMED')
              AND l.stock_code = ANY (:products) AND l.status = 'ACCEPTED'
              AND l.cancelled < l.quantity
            ORDER BY l.order_no DESC, l.line_no
            FOR UPDATE OF l
            """)
        .param("customer", request.customerId())
        .param(
            "products",
            request.lines().stream().map(NewCancellation.Line::stockCode).toArray(String[]::new))
        .query(Purchase.class)
        .list();
  }

  void complete(
      NewCancellation request, BigDecimal amount, List<LineResult> lines, List<Match> matches) {
    jdbc.sql("UPDATE cancellation SET status = ?, amount = ? WHERE cancellation_no = ?")
        .params(
            matches.isEmpty() ? LineResult.REJECTED : "ACCEPTED", amount, request.cancellationNo())
        .update();
    batch.batchUpdate(
        """
        INSERT INTO cancellation_line
          (cancellation_no, line_no, stock_code, quantity, status, reason)
        VALUES (:cancellationNo, :lineNo, :stockCode, :quantity, :status, :reason)
        """,
        IntStream.range(0, lines.size())
            .mapToObj(i -> line(request, request.lines().get(i), lines.get(i)))
            .toArray(SqlParameterSource[]::new));
    SqlParameterSource[] taken =
        matches.stream()
            .map(match -> match(request.cancellationNo(), match))
            .toArray(SqlParameterSource[]::new);
    batch.batchUpdate(
        """
        INSERT INTO cancellation_match
        VALUES (:cancellationNo, :lineNo, :orderNo, :orderLineNo, :quantity, :unitPrice)
        """,
        taken);
    batch.batchUpdate(
        """
        UPDATE order_line SET cancelled = cancelled + :quantity
        WHERE order_no = :orderNo AND line_no = :orderLineNo
        """,
        taken);
  }

  private static SqlParameterSource line(
      NewCancellation request, NewCancellation.Line line, LineResult result) {
    return new MapSqlParameterSource("cancellationNo", request.cancellationNo())
        .addValue("lineNo", result.lineNo())
        .addValue("stockCode", line.stockCode())
        .addValue("quantity", line.quantity())
        .addValue("status", result.status())
        .addValue("reason", result.reason());
  }

  private static SqlParameterSource match(String cancellationNo, Match match) {
    return new MapSqlParameterSource("cancellationNo", cancellationNo)
        .addValue("lineNo", match.lineNo())
        .addValue("orderNo", match.purchase().orderNo())
        .addValue("orderLineNo", match.purchase().lineNo())
        .addValue("quantity", match.quantity())
        .addValue("unitPrice", match.purchase().unitPrice());
  }
}
