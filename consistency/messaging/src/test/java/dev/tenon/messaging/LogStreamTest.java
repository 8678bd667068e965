package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedRequest;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LogStreamTest {
  private static final Duration LONG = Duration.ofSeconds(30);

  private final FakeLog log = new FakeLog();
  private final LogTail tail = new LogTail();
  private final ChunkCache cache =
      new ChunkCache(log, tail, new MessagingMetrics(new SimpleMeterRegistry()));

  private LogStream streamFromBeginning() {
    FeedRequest request =
        new FeedRequest(
            "order",
            "stock",
            "stock",
            Set.of("t"),
            new FeedRequest.Slot(0, 1),
            new FeedRequest.Position.Beginning());
    return LogStream.from(
        cache, tail, request, FakeLog.window(0), MessagingConfig.defaults().batchMessagesMax(8));
  }

  /** Another reader, at the log's end, reads each window by itself when it is closed. */
  private void growWindowByWindow(int windows) throws InterruptedException {
    try (LogStream other = streamFromBeginning()) {
      for (int n = 1; n <= windows; n++) {
        log.windows = n;
        tail.grew();
        assertThat(other.next(Duration.ZERO)).isPresent();
      }
    }
  }

  @Test
  void takesTheSmallPiecesThatAnotherReaderReadInOneBatch() throws InterruptedException {
    growWindowByWindow(5);

    Optional<FeedBatch> batch;
    try (LogStream late = streamFromBeginning()) {
      batch = late.next(LONG);
    }

    assertThat(batch.orElseThrow().messages()).hasSize(5);
    assertThat(batch.orElseThrow().end()).isEqualTo(FakeLog.window(5));
    assertThat(log.reads).hasValue(5);
  }

  @Test
  void takesNoMoreThanABatch() throws InterruptedException {
    growWindowByWindow(10);

    try (LogStream late = streamFromBeginning()) {
      assertThat(late.next(LONG).orElseThrow().messages()).hasSize(8);
      assertThat(late.next(LONG).orElseThrow().messages()).hasSize(2);
    }
  }

  @Test
  void doesNotReadOnPastTheEndForABatchThatHoldsSomething() throws InterruptedException {
    log.windows = 1;
    try (LogStream stream = streamFromBeginning()) {
      assertThat(stream.next(Duration.ZERO).orElseThrow().messages()).hasSize(1);
    }

    assertThat(log.reads).hasValue(1);
  }

  @Test
  void handsOutWhatItHasReadWhenTheNextPieceCannotBeRead() throws InterruptedException {
    log.failure = new SQLException("gone");
    log.failing = true;
    log.failingAfter = 2;
    try (LogStream stream = streamFromBeginning()) {
      FeedBatch batch = stream.next(LONG).orElseThrow();

      assertThat(batch.messages()).hasSize(2);
      assertThat(batch.end()).isEqualTo(FakeLog.window(2));
      assertThatThrownBy(() -> stream.next(LONG))
          .isInstanceOf(FeedException.class)
          .hasMessageContaining("gone");
      log.failing = false;
      assertThat(stream.next(LONG).orElseThrow().messages()).hasSize(8);
    }
  }
}
