package dev.tenon.testing.crash;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SqlTextTest {

  @ParameterizedTest
  @ValueSource(
      strings = {"select 1", "-- why\n SHOW all", "/* a */ set x = 1", "rollback", "(select 1)"})
  void takesAsPassiveWhatCannotWrite(String sql) {
    assertThat(SqlText.passive(sql)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"insert into t values (1)", "select f()", "call p()", "with x as (select 1) …"})
  void takesNothingElseAsPassive(String sql) {
    assertThat(SqlText.passive(sql)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"commit", "COMMIT PREPARED 'x'", "end", "prepare  transaction 'x'"})
  void knowsStatementsThatCommit(String sql) {
    assertThat(SqlText.commits(sql)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"prepare p as select 1", "commitment", "select 1"})
  void takesNothingElseAsACommit(String sql) {
    assertThat(SqlText.commits(sql)).isFalse();
  }

  @Test
  void shortensToOneLine() {
    assertThat(SqlText.shortened("-- why\n select a,\n   b from t"))
        .isEqualTo("select a, b from t");
    assertThat(SqlText.shortened("select " + "x".repeat(200))).hasSize(100).endsWith("…");
  }
}
