package dev.tenon.transport;

import dev.tenon.messaging.Message;
import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedMessage;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedRequest.Position;
import dev.tenon.messaging.spi.FeedSource;
import dev.tenon.messaging.spi.FeedStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** A log in memory, of one window. */
final class FakeFeedSource implements FeedSource {
  static final UUID WINDOW = UUID.fromString("0198a000-0000-7000-8000-000000000001");

  final List<FeedRequest> requests = new CopyOnWriteArrayList<>();
  final List<FeedReport> reports = new CopyOnWriteArrayList<>();
  final AtomicInteger wakes = new AtomicInteger();
  final AtomicInteger nexts = new AtomicInteger();
  final AtomicInteger openStreams = new AtomicInteger();
  volatile int batchMessagesMax = 100;
  volatile Optional<RuntimeException> failOpen = Optional.empty();
  volatile Optional<RuntimeException> failNext = Optional.empty();
  volatile boolean endless;
  volatile CountDownLatch page = new CountDownLatch(0); // what each batch takes as long as

  private final String service;
  private final List<FeedMessage> log = new ArrayList<>();

  FakeFeedSource(String service) {
    this.service = service;
  }

  static FeedMessage message(long seq, int payloadBytes) {
    byte[] payload = ("\"" + "x".repeat(payloadBytes) + "\"").getBytes(StandardCharsets.UTF_8);
    return new FeedMessage(
        cursor(seq),
        new Message(
            new UUID(1, seq),
            "order-placed",
            Optional.of("key-" + seq),
            1,
            Map.of(),
            Instant.parse("2026-11-01T00:00:00Z"),
            payload));
  }

  static Cursor cursor(long seq) {
    return new Cursor(7, WINDOW, seq, Optional.empty());
  }

  synchronized void append(FeedMessage message) {
    log.add(message);
    notifyAll();
  }

  void appendMany(int count, int payloadBytes) {
    for (int i = 0; i < count; i++) {
      append(message(i + 1L, payloadBytes));
    }
  }

  @Override
  public String service() {
    return service;
  }

  @Override
  public FeedStream open(FeedRequest request) {
    requests.add(request);
    failOpen.ifPresent(
        e -> {
          throw e;
        });
    long after =
        switch (request.position()) {
          case Position.Beginning ignored -> 0;
          case Position.Now ignored -> log.size();
          case Position.After position -> position.cursor().seq();
          case Position.AfterNewestKnown known -> known.cursors().getFirst().seq();
        };
    openStreams.incrementAndGet();
    return new Stream((int) Math.min(after, log.size()));
  }

  @Override
  public void report(FeedReport report) {
    reports.add(report);
  }

  @Override
  public void wake() {
    wakes.incrementAndGet();
  }

  private final class Stream implements FeedStream {
    private int at;
    private boolean closed;

    Stream(int at) {
      this.at = at;
    }

    @Override
    public Optional<FeedBatch> next(Duration timeout) throws InterruptedException {
      nexts.incrementAndGet();
      page.await();
      long deadline = System.nanoTime() + timeout.toNanos();
      synchronized (FakeFeedSource.this) {
        while (!closed && !endless && failNext.isEmpty() && at >= log.size()) {
          long millis = (deadline - System.nanoTime()) / 1_000_000;
          if (millis <= 0) {
            return Optional.empty();
          }
          FakeFeedSource.this.wait(millis);
        }
        if (closed) {
          throw new FeedException(FeedException.Reason.CLOSED, "closed");
        }
        failNext.ifPresent(
            e -> {
              throw e;
            });
        if (endless) {
          at++;
          return Optional.of(
              new FeedBatch(List.of(message(at, 1_000_000)), cursor(at), Long.MAX_VALUE));
        }
        List<FeedMessage> batch =
            List.copyOf(log.subList(at, Math.min(log.size(), at + batchMessagesMax)));
        at += batch.size();
        return Optional.of(new FeedBatch(batch, batch.getLast().cursor(), log.size() - at));
      }
    }

    @Override
    public void close() {
      synchronized (FakeFeedSource.this) {
        if (!closed) {
          closed = true;
          openStreams.decrementAndGet();
          FakeFeedSource.this.notifyAll();
        }
      }
    }
  }
}
