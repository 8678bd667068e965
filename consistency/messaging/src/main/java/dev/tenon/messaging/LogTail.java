package dev.tenon.messaging;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Tells every waiting reader that the log has grown. A version counts the growths. Thread-safe. */
final class LogTail {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition grown = lock.newCondition();
  private long version;

  long version() {
    lock.lock();
    try {
      return version;
    } finally {
      lock.unlock();
    }
  }

  void grew() {
    lock.lock();
    try {
      version++;
      grown.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the log has grown since a version was read, or the time is out. */
  void awaitSince(long seen, Duration timeout) throws InterruptedException {
    long left = timeout.toNanos();
    lock.lockInterruptibly();
    try {
      while (version == seen && left > 0) {
        left = grown.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }
}
