package dev.tenon.registry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.registry.ExpiryRule.Verdict;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExpiryRuleTest {

  @ParameterizedTest
  @CsvSource({
    "0, 0, NOTHING",
    "10, 0, NOTHING",
    "1, 1, EXPIRE",
    "3, 3, EXPIRE",
    "4, 4, PAUSE",
    "10, 3, EXPIRE",
    "13, 4, PAUSE",
    "14, 4, EXPIRE",
    "100, 30, EXPIRE",
    "100, 31, PAUSE",
    "50000, 15000, EXPIRE",
    "50000, 50000, PAUSE",
  })
  void takesOutAFewButNeverMost(int instances, int over, Verdict verdict) {
    assertThat(ExpiryRule.of(instances, over)).isEqualTo(verdict);
  }
}
