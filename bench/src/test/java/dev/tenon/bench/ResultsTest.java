package dev.tenon.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ResultsTest {
  private static final Results.Case ONE = new Results.Case(8, "one");
  private static final Results.Case OTHER = new Results.Case(8, "other");

  private final Results results = new Results();

  @Test
  void comparesContendersRoundByRound() {
    round(100, 10);
    round(1_000, 500);
    round(300, 100);

    assertThat(results.ratio(ONE, OTHER)).isCloseTo(3, within(1e-9));
    assertThat(results.ratios(ONE, OTHER)).containsExactly(2, 3, 10);
  }

  @Test
  void takesTheMiddleOfTheRounds() {
    round(100, 10);
    round(1_000, 20);

    assertThat(results.median(ONE, Measurement::perSecond)).isEqualTo(550);
    assertThat(results.median(OTHER, Measurement::perSecond)).isEqualTo(15);
  }

  private void round(double one, double other) {
    results.add(ONE, measured(one));
    results.add(OTHER, measured(other));
  }

  private static Measurement measured(double perSecond) {
    return new Measurement(1, perSecond, 1, 2, new Measurement.Costs(1, 2, 1, 100, 10, 20), 0.5, 0);
  }
}
