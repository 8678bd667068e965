package dev.tenon.transaction.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class TenonTablesTest {
  private static final Path SOURCES = Path.of("src/main/java");

  /** Sql's one statement names no table. */
  private static final Set<String> MAY_MAKE_STATEMENTS = Set.of("TenonTables.java", "Sql.java");

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

  @Test
  void makesEveryStatementOfThisModule() throws IOException {
    try (Stream<Path> files = Files.walk(SOURCES)) {
      List<Path> sources =
          files
              .filter(file -> file.toString().endsWith(".java"))
              .filter(file -> !MAY_MAKE_STATEMENTS.contains(file.getFileName().toString()))
              .toList();

      assertThat(sources)
          .hasSizeGreaterThan(30)
          .allSatisfy(
              file ->
                  assertThat(Files.readString(file))
                      .doesNotContain("prepareStatement(", "createStatement("));
    }
  }
}
