package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** A log of ten windows, each with a message of some size, that is read window by window. */
final class FakeLog implements OutboxLog {
  private static final UUID ID = new UUID(1, 2);

  final AtomicInteger reads = new AtomicInteger();
  final CountDownLatch entered = new CountDownLatch(1);
  CountDownLatch gate = new CountDownLatch(0);
  int payloadBytes = 10;
  long history;
  long windows = 10;
  Throwable failure = new AssertionError();
  boolean failing;
  long failingAfter; // which window

  static Cursor window(long n) {
    return Cursor.endOf(n, ID);
  }

  @Override
  public Chunk read(Cursor after, int messagesMax, long bytesMax) throws SQLException {
    reads.incrementAndGet();
    entered.countDown();
    try {
      gate.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    if (failing && after.window() >= failingAfter) {
      switch (failure) {
        case SQLException e -> throw e;
        case Error e -> throw e;
        default -> throw new AssertionError(failure);
      }
    }
    if (after.window() >= windows) {
      return new Chunk(List.of(), after, 0, 0);
    }
    Cursor end = window(after.window() + 1);
    Message message =
        new Message(ID, "t", Optional.empty(), 1, Map.of(), Instant.EPOCH, new byte[payloadBytes]);
    return new Chunk(
        List.of(new Row(end.window(), ID, 1, message)), end, windows - end.window(), 1);
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
    return window(windows);
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
