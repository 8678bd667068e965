package dev.tenon.invocation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** When an endpoint may be asked. */
class CircuitBreakerTest {
  private final EjectionPolicy policy = EjectionPolicy.defaults();
  private final CircuitBreaker breaker = new CircuitBreaker(policy, new Random(7));
  private long now = 1_000_000;

  @Test
  void opensAfterFailuresInARow() {
    for (int i = 1; i < policy.failuresInRowMax(); i++) {
      assertThat(breaker.failed(now, true)).isFalse();
    }

    assertThat(breaker.failed(now, true)).isTrue();
    assertThat(breaker.available(now)).isFalse();
  }

  @Test
  void anAnswerBetweenFailuresStartsTheRowAnew() {
    for (int i = 0; i < 10; i++) {
      assertThat(breaker.failed(now, true)).isFalse();
      assertThat(breaker.failed(now, true)).isFalse();
      breaker.succeeded(now);
      breaker.succeeded(now);
      breaker.succeeded(now);
    }

    assertThat(breaker.available(now)).isTrue();
  }

  @Test
  void opensWhenMoreThanItsShareFailsWithinTheWindow() {
    boolean opened = false;
    for (int i = 0; i < 30 && !opened; i++) {
      breaker.succeeded(now);
      opened = breaker.failed(now, true);
      opened |= breaker.failed(now, true);
    }

    assertThat(opened).isTrue();
  }

  @Test
  void forgetsFailuresThatAreOlderThanTheWindow() {
    for (int i = 0; i < 50; i++) {
      breaker.succeeded(now);
      breaker.failed(now, false);
      breaker.failed(now, false);
    }
    now += policy.window().toMillis();
    breaker.succeeded(now);

    assertThat(breaker.failed(now, true)).isFalse();
  }

  @Test
  void staysOpenLongerEachTimeTheProbeFails() {
    breaker.unreached(now);
    long first = breaker.openUntil() - now;
    now = breaker.openUntil();
    assertThat(breaker.tryAcquire(now)).isTrue();
    assertThat(breaker.tryAcquire(now)).isFalse();
    breaker.failed(now, false); // also if it is the last one
    breaker.tryAcquire(breaker.openUntil());
    now = breaker.openUntil();
    breaker.failed(now, false);
    long third = breaker.openUntil() - now;

    assertThat(third).isGreaterThan(first);
  }

  @Test
  void aProbeThatSaysNothingLetsTheNextOneIn() {
    breaker.unreached(now);
    now = breaker.openUntil();
    breaker.tryAcquire(now);

    breaker.undecided(now);

    assertThat(breaker.tryAcquire(now)).isTrue();
  }

  @Test
  void oneThatWasNotThereIsProbedEarlyAndByManyWhenItIsTheLastResort() {
    breaker.unreached(now);
    assertThat(breaker.tryLastResort(now)).isFalse();

    now += CircuitBreaker.EARLY_PROBE_AFTER_MILLIS;
    assertThat(breaker.tryAcquire(now)).isFalse();
    assertThat(breaker.tryLastResort(now)).isTrue();
    assertThat(breaker.tryLastResort(now)).isTrue(); // beside the probe
    breaker.succeeded(now);

    assertThat(breaker.closed()).isTrue();
  }

  @Test
  void anEarlyProbeThatFailsLeavesTheTimeOutAsItIs() {
    breaker.unreached(now);
    long until = breaker.openUntil();
    now += CircuitBreaker.EARLY_PROBE_AFTER_MILLIS;
    breaker.tryLastResort(now);

    assertThat(breaker.unreached(now)).isFalse();

    assertThat(breaker.openUntil()).isEqualTo(until);
    assertThat(breaker.tryLastResort(now)).isFalse();
  }

  @Test
  void oneThatFailedIsNoLastResort() {
    for (int i = 0; i < policy.failuresInRowMax(); i++) {
      breaker.failed(now, true);
    }

    assertThat(breaker.mayBeLastResort()).isFalse();
    assertThat(breaker.tryLastResort(now + 100)).isFalse();
  }

  @Test
  void oneThatWasNotThereIsLookedForEveryTwoSecondsAtLeast() {
    for (int i = 0; i < 20; i++) {
      breaker.unreached(now);
      assertThat(breaker.openUntil() - now).isBetween(1L, 2000L);
      now = breaker.openUntil();
      assertThat(breaker.tryAcquire(now)).isTrue();
    }
  }

  @Test
  void anAnswerToAnEarlierCallDoesNotEndTheTimeOut() {
    breaker.unreached(now);

    breaker.succeeded(now);

    assertThat(breaker.available(now)).isFalse();
  }

  @Test
  void isNotOpenedForFailuresIfItMustNotBe() {
    for (int i = 0; i < 100; i++) {
      breaker.failed(now, false);
    }

    assertThat(breaker.available(now)).isTrue();
  }
}
