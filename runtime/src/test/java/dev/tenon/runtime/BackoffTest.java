package dev.tenon.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BackoffTest {
  private static final RandomGenerator NO_JITTER = () -> 0L;
  private static final RandomGenerator FULL_JITTER = () -> -1L;

  private final Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(1));

  @Test
  void doublesUpToItsBound() {
    assertThat(IntStream.rangeClosed(1, 6).mapToLong(n -> backoff.after(n, NO_JITTER).toMillis()))
        .containsExactly(100L, 200L, 400L, 800L, 1_000L, 1_000L);
  }

  @Test
  void takesOffUpToHalfByChance() {
    assertThat(backoff.after(1, FULL_JITTER))
        .isBetween(Duration.ofMillis(50), Duration.ofMillis(51));
    assertThat(backoff.after(9, FULL_JITTER))
        .isBetween(Duration.ofMillis(500), Duration.ofMillis(501));
  }

  @Test
  void staysBoundedAfterAnyNumberOfAttempts() {
    assertThat(backoff.after(Integer.MAX_VALUE, NO_JITTER)).isEqualTo(Duration.ofSeconds(1));
  }

  @Test
  void keepsToWaitsShorterThanAMillisecond() {
    Backoff fine = new Backoff(Duration.ofNanos(100_000), Duration.ofMillis(1));

    assertThat(fine.after(1, NO_JITTER)).isEqualTo(Duration.ofNanos(100_000));
    assertThat(fine.after(4, NO_JITTER)).isEqualTo(Duration.ofNanos(800_000));
  }

  @Test
  void refusesBoundsThatMakeNoSense() {
    assertThatThrownBy(() -> new Backoff(Duration.ZERO, Duration.ofSeconds(1)))
        .hasMessage("first: PT0S (expected: > 0)");
    assertThatThrownBy(() -> new Backoff(Duration.ofSeconds(2), Duration.ofSeconds(1)))
        .hasMessage("longest: PT1S (expected: >= PT2S)");
    assertThatThrownBy(() -> backoff.after(0, NO_JITTER)).hasMessage("attempt: 0 (expected: >= 1)");
  }
}
