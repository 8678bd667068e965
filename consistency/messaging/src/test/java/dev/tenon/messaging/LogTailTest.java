package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class LogTailTest {
  private static final Duration LONG = Duration.ofSeconds(30);

  private final LogTail tail = new LogTail();

  @Test
  void doesNotWaitForGrowthThatCameAfterTheLook() throws InterruptedException {
    long seen = tail.version();
    tail.grew();

    long begun = System.nanoTime();
    tail.awaitSince(seen, LONG);

    assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(LONG);
  }

  @Test
  void releasesEveryWaiter() throws InterruptedException {
    CountDownLatch released = new CountDownLatch(3);
    long seen = tail.version();
    for (int i = 0; i < 3; i++) {
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  tail.awaitSince(seen, LONG);
                  released.countDown();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
    }

    tail.grew();

    assertThat(released.await(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void waitsNoLongerThanItMay() throws InterruptedException {
    long seen = tail.version();

    tail.awaitSince(seen, Duration.ofMillis(5));
    tail.awaitSince(seen, Duration.ZERO);

    assertThat(tail.version()).isEqualTo(seen);
  }
}
