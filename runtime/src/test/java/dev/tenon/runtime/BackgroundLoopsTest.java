package dev.tenon.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BackgroundLoopsTest {
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final Duration SHORT = Duration.ofMillis(1);

  private final BackgroundLoops loops =
      new BackgroundLoops(TenonRuntime.system(), "orders", new Backoff(SHORT, SHORT));

  @AfterEach
  void stop() {
    loops.stop();
  }

  @Test
  void goesOnAfterFailuresOfEveryKind() throws InterruptedException {
    AtomicInteger passes = new AtomicInteger();
    CountDownLatch fourth = new CountDownLatch(4);
    loops.start(
        "work",
        () -> {
          fourth.countDown();
          switch (passes.incrementAndGet()) {
            case 1 -> throw new IOException("checked");
            case 2 -> throw new IllegalStateException("unchecked");
            case 3 -> throw new AssertionError("an error");
            default -> {
              boolean unused = loops.pause(LONG);
            }
          }
        });

    assertThat(fourth.await(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void endsWaitsWhenItIsStopped() throws InterruptedException {
    CountDownLatch waiting = new CountDownLatch(1);
    loops.start(
        "work",
        () -> {
          waiting.countDown();
          boolean unused = loops.pause(LONG);
        });
    assertThat(waiting.await(60, TimeUnit.SECONDS)).isTrue();

    loops.stop();

    assertThat(loops.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(loops.pause(LONG)).as("the work goes on").isFalse();
  }

  @Test
  void interruptsWhatDoesNotEndInTime() throws InterruptedException {
    CountDownLatch stuck = new CountDownLatch(1);
    CountDownLatch interrupted = new CountDownLatch(1);
    loops.start(
        "work",
        () -> {
          stuck.countDown();
          try {
            new CountDownLatch(1).await();
          } finally {
            interrupted.countDown();
          }
        });
    assertThat(stuck.await(60, TimeUnit.SECONDS)).isTrue();

    loops.stop();

    assertThat(loops.awaitEnd(SHORT)).isFalse();
    assertThat(interrupted.await(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void startsNothingOnceItIsStopped() {
    loops.stop();

    assertThatThrownBy(() -> loops.start("work", () -> {}))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the loops of orders were stopped");
  }
}
