package dev.tenon.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class LedgerTest {
  private final Ledger ledger = new Ledger(3, 2, true);

  @Test
  void countsWhatCompletedWithinASpan() throws InterruptedException {
    long start = System.nanoTime() - 1;

    ledger.committed(ledger.next().id());
    ledger.effected(0);
    ledger.committed(ledger.next().id());
    long end = System.nanoTime();
    ledger.effected(1);

    assertThat(ledger.completedWithin(start, end)).isOne();
    assertThat(ledger.latenciesWithin(start, end).count()).isOne();
  }

  @Test
  void countsAnEffectOnceHoweverOftenItIsDelivered() throws InterruptedException {
    ledger.committed(ledger.next().id());

    ledger.effected(0);
    ledger.effected(0);

    assertThat(ledger.effects()).isOne();
    assertThat(ledger.repeated()).isOne();
  }

  @Test
  void refusesMoreMessagesThanItCanRecord() throws InterruptedException {
    for (int id = 0; id < 3; id++) {
      ledger.effected(ledger.next().id());
    }

    assertThatThrownBy(ledger::next).hasMessageContaining("more than 3");
  }
}
