package dev.tenon.spring;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

/**
 * Makes calls at a steady pace, whether earlier ones have been answered or not, and counts a call's
 * time from when it was due.
 */
final class PacedCalls implements AutoCloseable {
  private final String name;
  private final long periodNanos;
  private final IntConsumer call;
  private final ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor();
  private final List<Long> nanos = Collections.synchronizedList(new ArrayList<>());
  private final List<String> failures = Collections.synchronizedList(new ArrayList<>());
  private final long start = System.nanoTime();
  private final Thread pace;
  private volatile boolean ending;
  private volatile int made;

  /** Begins; the call takes its number, from 0, and throws if it fails. */
  PacedCalls(String name, int perSecond, IntConsumer call) {
    this.name = name;
    this.periodNanos = TimeUnit.SECONDS.toNanos(1) / perSecond;
    this.call = call;
    this.pace = Thread.ofPlatform().name("pace-" + name).start(this::run);
  }

  private void run() {
    for (int i = 0; !ending; i++) {
      long due = start + i * periodNanos;
      while (System.nanoTime() - due < 0) {
        LockSupport.parkNanos(due - System.nanoTime());
      }
      int number = i;
      callers.execute(() -> make(number, due));
      made = i + 1;
    }
  }

  private void make(int number, long due) {
    try {
      call.accept(number);
      nanos.add(System.nanoTime() - due);
    } catch (RuntimeException e) {
      failures.add(
          "%s %d due at %.3f s, after %.3f s: %s"
              .formatted(name, number, seconds(due - start), seconds(System.nanoTime() - due), e));
    }
  }

  private static double seconds(long nanos) {
    return nanos / 1e9;
  }

  /** Makes no more, and waits for those under way. */
  @Override
  public void close() {
    ending = true;
    callers.close();
  }

  /** Like {@link #close()}, and waits until the last one was begun. */
  int end() throws InterruptedException {
    ending = true;
    pace.join();
    callers.close();
    return made;
  }

  List<String> failures() {
    return List.copyOf(failures);
  }

  /** How many there were, and how long they took. */
  String figures() {
    List<Long> sorted = nanos.stream().sorted().toList();
    return sorted.isEmpty()
        ? name + ": none answered"
        : "%s: %d calls in %.1f s, %d failed, p50 %.1f ms, p99 %.1f ms, longest %.0f ms"
            .formatted(
                name,
                made,
                made * seconds(periodNanos),
                failures.size(),
                part(sorted, 0.5),
                part(sorted, 0.99),
                part(sorted, 1));
  }

  private static double part(List<Long> sorted, double share) {
    return sorted.get((int) Math.ceil(share * sorted.size()) - 1) / 1e6;
  }
}
