package dev.tenon.bench;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * When each message of a run was committed by its producer, and when its effect was. Bounds how
 * many messages may be under way, as a service with back-pressure would. Thread-safe.
 */
final class Ledger {
  private final AtomicLongArray committed;
  private final AtomicLongArray effected;
  private final AtomicInteger issued = new AtomicInteger();
  private final AtomicInteger effects = new AtomicInteger();
  private final AtomicInteger repeated = new AtomicInteger();
  private final Semaphore room;
  private final boolean delivers;

  /**
   * Begins a run.
   *
   * @param messagesMax the most messages that can be recorded
   * @param inFlightMax the most messages without an effect
   * @param delivers whether effects are expected; without, nothing is ever in flight
   */
  Ledger(int messagesMax, int inFlightMax, boolean delivers) {
    this.committed = new AtomicLongArray(messagesMax);
    this.effected = new AtomicLongArray(messagesMax);
    this.room = new Semaphore(inFlightMax);
    this.delivers = delivers;
  }

  /**
   * The next order, once there is room for it.
   *
   * @return the order
   * @throws InterruptedException if interrupted while there is no room
   * @throws BenchmarkException if there is no room for 30 seconds, or no more to record
   */
  Order next() throws InterruptedException {
    if (delivers && !room.tryAcquire(30, TimeUnit.SECONDS)) {
      throw new BenchmarkException(
          "Could not go on [messages="
              + issued()
              + ", effects="
              + effects()
              + "]: "
              + "nothing was delivered for 30 s. Look at the log above for the reason.");
    }
    int id = issued.getAndIncrement();
    if (id >= committed.length()) {
      throw new BenchmarkException(
          "messages: more than " + committed.length() + " (expected: fewer; lower --seconds)");
    }
    return Order.of(id);
  }

  /** Notes that the producer's transaction was committed. */
  void committed(int id) {
    committed.set(id, System.nanoTime());
  }

  /** Notes that the effect was committed at the consumer. */
  void effected(int id) {
    if (!effected.compareAndSet(id, 0, System.nanoTime())) {
      repeated.incrementAndGet();
      return;
    }
    effects.incrementAndGet();
    room.release();
  }

  int issued() {
    return issued.get();
  }

  int effects() {
    return effects.get();
  }

  int repeated() {
    return repeated.get();
  }

  /** How many commits, or effects where they are expected, fall into a span. */
  int completedWithin(long fromNanos, long untilNanos) {
    AtomicLongArray times = delivers ? effected : committed;
    int count = 0;
    for (int id = 0; id < issued(); id++) {
      if (within(times.get(id), fromNanos, untilNanos)) {
        count++;
      }
    }
    return count;
  }

  /** From commit to effect, of every effect in a span. */
  Latencies latenciesWithin(long fromNanos, long untilNanos) {
    Latencies latencies = new Latencies();
    for (int id = 0; delivers && id < issued(); id++) {
      long end = effected.get(id);
      if (within(end, fromNanos, untilNanos)) {
        latencies.add(end - committed.get(id));
      }
    }
    return latencies;
  }

  private static boolean within(long time, long from, long until) {
    return time != 0 && time - from >= 0 && until - time > 0;
  }
}
