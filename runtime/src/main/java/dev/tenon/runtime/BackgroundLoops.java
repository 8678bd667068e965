package dev.tenon.runtime;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The work that a part does by itself, over and over, until it is closed. A pass that fails is
 * reported and made again after a wait: no loop ends by itself. Thread-safe.
 */
public final class BackgroundLoops {
  private static final Logger log = LoggerFactory.getLogger(BackgroundLoops.class);
  private static final int REPORT_EVERY = 10;

  private final TenonRuntime runtime;
  private final String service;
  private final Backoff backoff;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Thread> threads = new ArrayList<>(); // guarded by lock

  /**
   * Creates loops that are to be started.
   *
   * @param runtime starts the threads, and gives the jitter
   * @param service whose work it is, for threads' names and the log
   * @param backoff how long to wait after a pass that has failed
   */
  public BackgroundLoops(TenonRuntime runtime, String service, Backoff backoff) {
    this.runtime = requireNonNull(runtime, "runtime");
    this.service = requireNonNull(service, "service");
    this.backoff = requireNonNull(backoff, "backoff");
  }

  /** One pass of a loop, with the wait for the next. */
  @FunctionalInterface
  public interface Pass {
    /**
     * Does what is due, then waits for more.
     *
     * @throws Exception if it failed; it is made again. An {@link InterruptedException} ends the
     *     loop.
     */
    void run() throws Exception;
  }

  /**
   * Starts a loop in a thread of its own.
   *
   * @param name what it looks after, in one word
   * @param pass is made again and again until {@link #stop}
   * @throws IllegalStateException if the loops were stopped
   */
  public void start(String name, Pass pass) {
    lock.lock();
    try {
      if (stopped()) {
        throw new IllegalStateException("the loops of " + service + " were stopped");
      }
      Thread thread = runtime.threads().newThread(() -> repeat(name, pass));
      thread.setName("tenon-" + name + "-" + service);
      threads.add(thread);
      thread.start();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits; {@link #stop} ends the wait.
   *
   * @param time how long
   * @return whether the work goes on: false once it is stopped
   * @throws InterruptedException if the waiting thread is interrupted
   */
  public boolean pause(Duration time) throws InterruptedException {
    return !closing.await(time.toNanos(), TimeUnit.NANOSECONDS);
  }

  /**
   * Says whether the loops are to end.
   *
   * @return whether {@link #stop} was called
   */
  public boolean stopped() {
    return closing.getCount() == 0;
  }

  /** Has each loop end after the pass it is in, and ends all waits. Safe to repeat. */
  public void stop() {
    lock.lock();
    try {
      closing.countDown();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Lets what is in progress end after {@link #stop}; an interrupt, which comes only after the time
   * is over, would break its connection.
   *
   * @param max how long to wait for all of them together
   * @return whether all ended
   */
  public boolean awaitEnd(Duration max) {
    List<Thread> left;
    lock.lock();
    try {
      left = List.copyOf(threads);
    } finally {
      lock.unlock();
    }
    boolean ended = true;
    try {
      long deadline = System.nanoTime() + max.toNanos();
      for (Thread thread : left) {
        if (!thread.join(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())))) {
          log.atWarn().addKeyValue("loop", thread.getName()).log("a loop does not end");
          thread.interrupt();
          ended = false;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      ended = false;
    }
    return ended;
  }

  private void repeat(String name, Pass pass) {
    int failures = 0;
    try {
      while (!stopped()) {
        try {
          pass.run();
          if (failures > 0) {
            log.atInfo().addKeyValue("service", service).addKeyValue("loop", name).log("recovered");
          }
          failures = 0;
        } catch (InterruptedException e) {
          throw e;
        } catch (Exception | Error e) {
          // No loop may end by itself: its work would be left undone with nobody to notice.
          failures++;
          failed(name, e, failures);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void failed(String name, Throwable failure, int failures) throws InterruptedException {
    if (stopped()) {
      return;
    }
    if (failures == 1 || failures % REPORT_EVERY == 0) {
      log.atWarn()
          .addKeyValue("service", service)
          .addKeyValue("loop", name)
          .addKeyValue("failures", failures)
          .addKeyValue("reason", failure.toString())
          .log("background work failed; it is tried again by itself");
      log.atDebug().setCause(failure).log("background work failed");
    }
    boolean unused = pause(backoff.after(failures, runtime.random()));
  }
}
