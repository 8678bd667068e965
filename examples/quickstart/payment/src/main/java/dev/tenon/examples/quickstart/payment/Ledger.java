package dev.tenon.examples.quickstart.payment;

import dev.tenon.examples.quickstart.messages.Hold;
import dev.tenon.examples.quickstart.messages.OrderPlaced;
import java.math.BigDecimal;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;

/** The journal of money, and what is put aside. */
@Repository
class Ledger {
  private final JdbcClient jdbc;

  Ledger(JdbcClient jdbc) {
    this.jdbc = jdbc;
  }

  /** Why money moves. */
  enum Kind {
    CHARGE,
    VOID,
    REFUND
  }

  record Entry(Kind kind, BigDecimal amount) {}

  /** Books what came in, or with a minus what went out. */
  void book(Kind kind, String reference, String customerId, BigDecimal amount) {
    jdbc.sql("INSERT INTO ledger (kind, reference, customer_id, amount) VALUES (?, ?, ?, ?)")
        .params(kind.name(), reference, customerId, amount)
        .update();
  }

  /** Undoes the charge of an order, if there was one. */
  void voidCharge(String orderNo) {
    jdbc.sql(
            """
            INSERT INTO ledger (kind, reference, customer_id, amount)
            SELECT 'VOID', reference, customer_id, -amount FROM ledger
            WHERE reference = ? AND kind = 'CHARGE'
            """)
        .param(orderNo)
        .update();
  }

  void hold(Hold hold, BigDecimal amount) {
    OrderPlaced order = hold.order();
    jdbc.sql("INSERT INTO money_hold (id, order_no, customer_id, amount) VALUES (?, ?, ?, ?)")
        .params(hold.id(), order.orderNo(), order.customerId(), amount)
        .update();
  }

  /** Nothing is put aside by this hold any more; says how much was. */
  Optional<BigDecimal> endHold(UUID id) {
    return jdbc.sql("DELETE FROM money_hold WHERE id = ? RETURNING amount")
        .param(id)
        .query(BigDecimal.class)
        .optional();
  }

  List<Entry> entries(String reference) {
    return jdbc.sql("SELECT kind, amount FROM ledger WHERE reference = ? ORDER BY id")
        .param(reference)
        .query(Entry.class)
        .list();
  }
}
