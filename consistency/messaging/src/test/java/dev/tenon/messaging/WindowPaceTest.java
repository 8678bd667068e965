package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class WindowPaceTest {
  private static final Duration GAP_MAX = Duration.ofMillis(20);

  private Instant now = Instant.EPOCH;
  private final WindowPace pace = new WindowPace(() -> now, GAP_MAX);

  private Duration closedAfter(Duration time, long messages) {
    now = now.plus(time);
    return pace.closed(messages);
  }

  @Test
  void holdsNothingBackAfterTheFirstWindow() {
    assertThat(pace.closed(10_000)).isZero();
  }

  @Test
  void holdsBackInProportionToTheRate() {
    pace.closed(1);

    Duration tenth = closedAfter(Duration.ofMillis(100), WindowPace.RATE_FULL / 100);
    Duration half = closedAfter(Duration.ofMillis(10), WindowPace.RATE_FULL / 200);

    assertThat(tenth).isEqualTo(GAP_MAX.dividedBy(10));
    assertThat(half).isEqualTo(GAP_MAX.dividedBy(2));
  }

  @Test
  void hardlyHoldsBackWhatComesAlone() {
    pace.closed(1);

    assertThat(closedAfter(Duration.ofMillis(20), 1)).isLessThan(Duration.ofMillis(1));
  }

  @Test
  void holdsBackForItsLongestAtMost() {
    pace.closed(1);

    assertThat(closedAfter(Duration.ofMillis(1), 1_000_000)).isEqualTo(GAP_MAX);
  }

  @Test
  void goesOnWhenTheClockIsSetBack() {
    pace.closed(1);

    assertThat(closedAfter(Duration.ofHours(-1), 1)).isEqualTo(GAP_MAX);
    assertThat(closedAfter(Duration.ofSeconds(1), 1)).isLessThan(Duration.ofMillis(1));
  }
}
