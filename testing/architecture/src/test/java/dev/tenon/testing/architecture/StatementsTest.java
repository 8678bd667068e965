package dev.tenon.testing.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Statements on Tenon's tables are made by TenonTables, which knows in which schema they are. */
class StatementsTest {
  private static final List<String> MODULES =
      List.of("consistency/messaging", "consistency/global");
  private static final int FILES_AT_LEAST = 80;

  /** What they make by themselves names the catalogs, settings, or the service's own tables. */
  private static final Set<String> MAY_MAKE_STATEMENTS =
      Set.of(
          "Sql.java",
          "LocalCommit.java",
          "AutomaticKeys.java",
          "AutomaticTable.java",
          "AutomaticTables.java",
          "PreparedTransactions.java",
          "XaBranches.java");

  private final Repository repository = Repository.here();

  @Test
  void areMadeByTenonTables() {
    var found = new ArrayList<String>();
    int seen = 0;
    for (var file : repository.files(".java")) {
      String name = repository.relative(file).toString();
      if (MODULES.stream().anyMatch(module -> name.startsWith(module + "/src/main/"))) {
        seen++;
        String text = repository.text(file);
        boolean makes = text.contains("prepareStatement(") || text.contains("createStatement(");
        if (makes && !MAY_MAKE_STATEMENTS.contains(String.valueOf(file.getFileName()))) {
          found.add(name);
        }
      }
    }

    assertThat(seen).isGreaterThanOrEqualTo(FILES_AT_LEAST);
    assertThat(found).isEmpty();
  }
}
