package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.spi.Cursor;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ChunkCacheTest {
  private final FakeLog log = new FakeLog();
  private final LogTail tail = new LogTail();
  private final ChunkCache cache =
      new ChunkCache(log, tail, new MessagingMetrics(new SimpleMeterRegistry()));

  @Test
  void readsAPieceOnceAlsoWhenSeveralAskAtOnce() throws Exception {
    log.gate = new CountDownLatch(1);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<CompletableFuture<OutboxLog.Chunk>> chunks =
          IntStream.range(0, 20)
              .mapToObj(i -> CompletableFuture.supplyAsync(() -> read(FakeLog.window(3)), threads))
              .toList();
      assertThat(log.entered.await(10, TimeUnit.SECONDS)).isTrue();
      log.gate.countDown();

      assertThat(chunks)
          .allSatisfy(chunk -> assertThat(chunk.join()).isSameAs(chunks.getFirst().join()));
    }
    assertThat(log.reads).hasValue(1);
  }

  private OutboxLog.Chunk read(Cursor after) {
    try {
      return cache.read(after);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void looksAtTheEndOfTheLogAgainWhenItHasGrown() throws SQLException {
    cache.read(FakeLog.window(10));
    cache.read(FakeLog.window(10));
    assertThat(log.reads).hasValue(1);

    tail.grew();
    cache.read(FakeLog.window(10));
    assertThat(log.reads).hasValue(2);
  }

  @Test
  void keepsNoFailure() throws SQLException {
    log.failing = true;
    log.failure = new SQLException("gone", "08006");
    assertThatThrownBy(() -> cache.read(FakeLog.window(1))).hasMessage("gone");

    log.failing = false;
    assertThat(cache.read(FakeLog.window(1)).rows()).hasSize(1);
  }

  @Test
  void forgetsWhatLeadsToAPlaceThatCannotBeRead() throws SQLException {
    cache.read(FakeLog.window(1));
    log.failing = true;
    log.failure = new SQLException("the log does not know the position any more");
    assertThatThrownBy(() -> cache.read(FakeLog.window(2))).isInstanceOf(SQLException.class);

    log.failing = false;
    cache.read(FakeLog.window(1));
    assertThat(log.reads).hasValue(3);
  }

  @Test
  void handsAFailureToAllWhoWait() throws Exception {
    log.gate = new CountDownLatch(1);
    log.failing = true;
    log.failure = new OutOfMemoryError("planted");
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<CompletableFuture<OutboxLog.Chunk>> chunks =
          IntStream.range(0, 5)
              .mapToObj(i -> CompletableFuture.supplyAsync(() -> read(FakeLog.window(3)), threads))
              .toList();
      assertThat(log.entered.await(10, TimeUnit.SECONDS)).isTrue();
      log.gate.countDown();

      assertThat(chunks)
          .allSatisfy(
              chunk ->
                  assertThat(chunk)
                      .failsWithin(java.time.Duration.ofSeconds(10))
                      .withThrowableOfType(java.util.concurrent.ExecutionException.class));
    }
  }

  @Test
  void staysWithinItsBoundAndForgetsTheOldest() throws SQLException {
    log.payloadBytes = (int) (ChunkCache.BYTES_MAX / 4);
    for (int n = 0; n < 6; n++) {
      cache.read(FakeLog.window(n));
    }

    cache.read(FakeLog.window(5));
    assertThat(log.reads).as("the newest is kept").hasValue(6);
    cache.read(FakeLog.window(0));
    assertThat(log.reads).as("the oldest is not").hasValue(7);
  }

  @Test
  void forgetsWhatItReadFromAnotherServer() throws SQLException {
    cache.read(FakeLog.window(1));
    log.history++;
    cache.read(FakeLog.window(1));

    assertThat(log.reads).hasValue(2);
  }
}
