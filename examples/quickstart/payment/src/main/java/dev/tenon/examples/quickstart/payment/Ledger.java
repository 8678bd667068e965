package dev.tenon.examples.quickstart.payment;

import java.math.BigDecimal;
import java.util.List;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;

/** The journal of money. */
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

  List<Entry> entries(String reference) {
    return jdbc.sql("SELECT kind, amount FROM ledger WHERE reference = ? ORDER BY id")
        .param(reference)
        .query(Entry.class)
        .list();
  }
}
