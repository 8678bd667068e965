package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.spi.Cursor;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ChunkCacheTest {
  private static final UUID ID = new UUID(1, 2);

  private final FakeLog log = new FakeLog();
  private final LogTail tail = new LogTail();
  private final ChunkCache cache =
      new ChunkCache(log, tail, new MessagingMetrics(new SimpleMeterRegistry()));

  private static Cursor window(long n) {
    return Cursor.endOf(n, ID);
  }

  /** A log of ten windows, each with a message of some size. */
  private static final class FakeLog implements OutboxLog {
    final AtomicInteger reads = new AtomicInteger();
    final CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch gate = new CountDownLatch(0);
    int payloadBytes = 10;
    long history;
    Throwable failure = new AssertionError();
    boolean failing;

    @Override
    public Chunk read(Cursor after, int messagesMax, long bytesMax) throws SQLException {
      reads.incrementAndGet();
      entered.countDown();
      try {
        gate.await();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      if (failing) {
        switch (failure) {
          case SQLException e -> throw e;
          case Error e -> throw e;
          default -> throw new AssertionError(failure);
        }
      }
      if (after.window() >= 10) {
        return new Chunk(List.of(), after, 0, 0);
      }
      Cursor end = window(after.window() + 1);
      Message message =
          new Message(
              ID, "t", Optional.empty(), 1, Map.of(), Instant.EPOCH, new byte[payloadBytes]);
      return new Chunk(List.of(new Row(end.window(), ID, 1, message)), end, 10 - end.window(), 1);
    }

    @Override
    public void append(Connection connection, List<NewMessage> messages) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long closeWindow() {
      throw new UnsupportedOperationException();
    }

    @Override
    public Cursor end() {
      return window(10);
    }

    @Override
    public Cursor beginning() {
      return window(0);
    }

    @Override
    public boolean knows(Cursor cursor) {
      return true;
    }

    @Override
    public boolean adoptHistory() {
      return false;
    }

    @Override
    public long history() {
      return history;
    }
  }

  @Test
  void readsAPieceOnceAlsoWhenSeveralAskAtOnce() throws Exception {
    log.gate = new CountDownLatch(1);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<CompletableFuture<OutboxLog.Chunk>> chunks =
          IntStream.range(0, 20)
              .mapToObj(i -> CompletableFuture.supplyAsync(() -> read(window(3)), threads))
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
    cache.read(window(10));
    cache.read(window(10));
    assertThat(log.reads).hasValue(1);

    tail.grew();
    cache.read(window(10));
    assertThat(log.reads).hasValue(2);
  }

  @Test
  void keepsNoFailure() throws SQLException {
    log.failing = true;
    log.failure = new SQLException("gone", "08006");
    assertThatThrownBy(() -> cache.read(window(1))).hasMessage("gone");

    log.failing = false;
    assertThat(cache.read(window(1)).rows()).hasSize(1);
  }

  @Test
  void forgetsWhatLeadsToAPlaceThatCannotBeRead() throws SQLException {
    cache.read(window(1));
    log.failing = true;
    log.failure = new SQLException("the log does not know the position any more");
    assertThatThrownBy(() -> cache.read(window(2))).isInstanceOf(SQLException.class);

    log.failing = false;
    cache.read(window(1));
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
              .mapToObj(i -> CompletableFuture.supplyAsync(() -> read(window(3)), threads))
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
      cache.read(window(n));
    }

    cache.read(window(5));
    assertThat(log.reads).as("the newest is kept").hasValue(6);
    cache.read(window(0));
    assertThat(log.reads).as("the oldest is not").hasValue(7);
  }

  @Test
  void forgetsWhatItReadFromAnotherServer() throws SQLException {
    cache.read(window(1));
    log.history++;
    cache.read(window(1));

    assertThat(log.reads).hasValue(2);
  }
}
