package dev.tenon.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SignalTest {
  private static final Duration LONG = Duration.ofSeconds(30);

  private final Signal signal = new Signal();

  @Test
  void keepsAWakeUpForTheNextWaiter() throws InterruptedException {
    signal.wake();

    assertThat(signal.await(LONG)).isTrue();
  }

  @Test
  void countsManyWakeUpsAsOne() throws InterruptedException {
    signal.wake();
    signal.wake();

    assertThat(signal.await(Duration.ZERO)).isTrue();
    assertThat(signal.await(Duration.ZERO)).isFalse();
  }

  @Test
  void saysWhenTheTimeRanOut() throws InterruptedException {
    assertThat(signal.await(Duration.ofMillis(5))).isFalse();
    assertThat(signal.await(Duration.ofMillis(-5))).isFalse();
  }

  @Test
  void releasesAWaiter() throws Exception {
    CompletableFuture<Boolean> woken = new CompletableFuture<>();
    Thread waiter =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    woken.complete(signal.await(LONG));
                  } catch (InterruptedException e) {
                    woken.completeExceptionally(e);
                  }
                });

    signal.wake();

    assertThat(woken.get(10, TimeUnit.SECONDS)).isTrue();
    waiter.join();
  }

  @Test
  void keepsTheWakeUpWhenItsWaiterIsInterrupted() throws InterruptedException {
    signal.wake();
    Thread.currentThread().interrupt();

    assertThatThrownBy(() -> signal.await(LONG)).isInstanceOf(InterruptedException.class);
    assertThat(signal.await(Duration.ZERO)).isTrue();
  }
}
