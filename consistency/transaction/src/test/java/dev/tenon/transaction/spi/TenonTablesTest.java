package dev.tenon.transaction.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class TenonTablesTest {
  @Test
  void leavesStatementsAloneInTheUsualSchema() {
    String text = "SELECT epoch FROM tenon.identity";

    assertThat(new TenonTables("tenon").sql(text)).isSameAs(text);
  }

  @Test
  void namesTablesAndLocksOfAnotherSchemaOnceForEachText() {
    TenonTables tables = new TenonTables("order");
    String text =
        "SELECT pg_advisory_xact_lock(hashtext('tenon.upkeep')), 'tenon.outbox'::regclass"
            + " FROM tenon.identity";

    assertThat(tables.sql(text))
        .isEqualTo(
            "SELECT pg_advisory_xact_lock(hashtext('\"order\".upkeep')),"
                + " '\"order\".outbox'::regclass FROM \"order\".identity")
        .isSameAs(tables.sql(text));
  }

  @Test
  void remembersOnlySoManyTexts() {
    TenonTables tables = new TenonTables("a");
    for (int i = 0; i < 2_000; i++) {
      assertThat(tables.sql("LOCK TABLE tenon.outbox_" + i))
          .isEqualTo("LOCK TABLE \"a\".outbox_" + i);
    }
  }

  @Test
  void refusesNamesThatCouldBeStatements() {
    for (String name : List.of("a\"; DROP", "", "Order", "1a", "a-b", "a".repeat(64))) {
      assertThatThrownBy(() -> new TenonTables(name))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("tenonSchema: " + name + " (expected: [a-z][a-z0-9_]{0,62})");
    }
  }
}
