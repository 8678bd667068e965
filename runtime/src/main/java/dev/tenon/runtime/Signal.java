package dev.tenon.runtime;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A coalescing wake-up: any number of {@link #wake()} calls before an {@link #await} count as one.
 *
 * <p>A wake-up that comes while nobody waits is kept for the next waiter, so none is lost. Meant
 * for one waiting loop; with several waiters each wake-up releases one of them. Thread-safe.
 */
public final class Signal {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition woken = lock.newCondition();
  private boolean pending;

  /** Creates a signal with no wake-up pending. */
  public Signal() {}

  /** Releases the waiter, or the next one to come. Never blocks for long. */
  public void wake() {
    lock.lock();
    try {
      pending = true;
      woken.signal();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for a wake-up and consumes it.
   *
   * @param timeout the longest time to wait; zero or less only looks
   * @return whether a wake-up came, {@code false} when the time ran out
   * @throws InterruptedException if the waiting thread is interrupted; a pending wake-up is kept
   */
  public boolean await(Duration timeout) throws InterruptedException {
    long nanosLeft = timeout.toNanos();
    lock.lockInterruptibly();
    try {
      while (!pending) {
        if (nanosLeft <= 0) {
          return false;
        }
        nanosLeft = woken.awaitNanos(nanosLeft);
      }
      pending = false;
      return true;
    } finally {
      lock.unlock();
    }
  }
}
