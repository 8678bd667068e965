package dev.tenon.global;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The sagas that this instance runs, and who waits here for one, so that its end is known without a
 * look at the database. Thread-safe.
 */
final class SagaEndings {
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Name, Entry> entries = new HashMap<>(); // guarded by lock

  /** A saga, as callers know it. */
  record Name(String type, String id) {
    static Name of(SagaStore.Row row) {
      return new Name(row.type(), row.id());
    }
  }

  /** Guarded by the lock. */
  private static final class Entry {
    private final Condition changed;
    private int runs;
    private int waiters;
    private long turn; // grows whenever a run has ended
    private byte @Nullable [] result;

    Entry(Condition changed) {
      this.changed = changed;
    }
  }

  private Entry entry(Name name) {
    return entries.computeIfAbsent(name, any -> new Entry(lock.newCondition()));
  }

  private void let(Name name, Entry entry) {
    if (entry.runs == 0 && entry.waiters == 0) {
      entries.remove(name, entry);
    }
  }

  /** It is to be run here; {@link #ran} follows. */
  void begun(Name name) {
    lock.lock();
    try {
      entry(name).runs++;
    } finally {
      lock.unlock();
    }
  }

  /**
   * A run of it is over.
   *
   * @param result as JSON, if the run has ended the saga well
   */
  void ran(Name name, byte @Nullable [] result) {
    lock.lock();
    try {
      Entry entry = entry(name);
      entry.runs--;
      entry.turn++;
      if (result != null) {
        entry.result = result;
      }
      entry.changed.signalAll();
      let(name, entry);
    } finally {
      lock.unlock();
    }
  }

  /** Somebody waits for it, until {@link Waiting#close}. */
  Waiting waiting(Name name) {
    lock.lock();
    try {
      Entry entry = entry(name);
      entry.waiters++;
      return new Waiting(name, entry);
    } finally {
      lock.unlock();
    }
  }

  /** Belongs to one thread. */
  final class Waiting implements AutoCloseable {
    private final Name name;
    private final Entry entry;
    private long seen;

    private Waiting(Name name, Entry entry) {
      this.name = name;
      this.entry = entry;
      this.seen = entry.turn;
    }

    /** Whether it is being run here, so that there is something to wait for. */
    boolean runs() {
      lock.lock();
      try {
        return entry.runs > 0 || entry.turn != seen;
      } finally {
        lock.unlock();
      }
    }

    /**
     * Waits until a run has ended here that had not when this was last asked.
     *
     * @return the result, if that ended the saga well
     */
    Optional<byte[]> await(Duration atMost) throws InterruptedException {
      long left = atMost.toNanos();
      lock.lockInterruptibly();
      try {
        while (entry.turn == seen && left > 0) {
          left = entry.changed.awaitNanos(left);
        }
        seen = entry.turn;
        return Optional.ofNullable(entry.result);
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void close() {
      lock.lock();
      try {
        entry.waiters--;
        let(name, entry);
      } finally {
        lock.unlock();
      }
    }
  }
}
