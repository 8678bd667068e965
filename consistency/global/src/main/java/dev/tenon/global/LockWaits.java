package dev.tenon.global;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Calls that have met a row of another distributed transaction wait here, outside of any
 * transaction, until that one has ended here or some time has passed; then they begin anew, the
 * older ones first. Thread-safe.
 */
final class LockWaits {
  private static final Pattern HOLDER = Pattern.compile("distributed transaction (\\S+)");
  private static final Duration FIRST = Duration.ofMillis(5);
  private static final Duration LONGEST = Duration.ofMillis(100);
  private static final Duration TURN = Duration.ofMillis(3);
  private static final int TURNS_MAX = 10;

  /** A decided transaction ends here by itself in less time, as a rule. */
  private static final int ASKED_AFTER = 2;

  private static final int ASKED_EVERY = 8;

  private final Duration longest;
  private final Consumer<Xid> help;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition released = lock.newCondition();

  /** Guarded by the lock; as many as calls that wait. */
  private final List<Waiter> waiting = new ArrayList<>();

  private long releases; // guarded by lock

  private record Waiter(Optional<Xid> holder, Instant startedAt) {}

  /**
   * Makes it.
   *
   * @param longest how long one call waits in all
   * @param help asks how a transaction ends whose rows are waited for, and ends it
   */
  LockWaits(Duration longest, Consumer<Xid> help) {
    this.longest = longest;
    this.help = help;
  }

  /** Waits of one call. */
  final class Waits {
    private final Xid own;
    private Duration waited = Duration.ZERO;
    private int times;

    private Waits(Xid own) {
      this.own = own;
    }

    /** Waits if a failure tells of a locked row; says whether to try again. */
    boolean again(Throwable failure) {
      Optional<String> met = AutomaticBranches.locked(failure);
      if (met.isEmpty() || waited.compareTo(longest) >= 0) {
        return false;
      }
      Matcher matcher = HOLDER.matcher(met.get());
      Optional<Xid> holder = matcher.find() ? parsed(matcher.group(1)) : Optional.empty();
      if (times % ASKED_EVERY == ASKED_AFTER) {
        holder.ifPresent(help);
      }
      Duration pause = FIRST.multipliedBy(1L << Math.min(times, TURNS_MAX));
      pause = pause.compareTo(LONGEST) > 0 ? LONGEST : pause;
      times++;
      waited = waited.plus(pause);
      return await(new Waiter(holder, own.startedAt()), pause);
    }
  }

  private static Optional<Xid> parsed(String text) {
    try {
      return Optional.of(Xid.parse(text));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // it has ended meanwhile, and nobody can be asked
    }
  }

  /** A call begins. */
  Waits begin(Xid own) {
    return new Waits(own);
  }

  private boolean await(Waiter waiter, Duration pause) {
    lock.lock();
    try {
      waiting.add(waiter);
      if (isReleasedWithin(pause)) {
        sleep(TURN.multipliedBy(olderThan(waiter)));
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      waiting.remove(waiter);
      lock.unlock();
    }
  }

  private boolean isReleasedWithin(Duration pause) throws InterruptedException {
    long before = releases;
    long left = pause.toNanos();
    while (releases == before && left > 0) {
      left = released.awaitNanos(left);
    }
    return releases != before;
  }

  private void sleep(Duration pause) throws InterruptedException {
    long left = pause.toNanos();
    while (left > 0) {
      left = released.awaitNanos(left);
    }
  }

  private int olderThan(Waiter waiter) {
    return (int)
        waiting.stream()
            .filter(other -> other.holder().equals(waiter.holder()))
            .filter(other -> other.startedAt().isBefore(waiter.startedAt()))
            .limit(TURNS_MAX)
            .count();
  }

  /** Rows are free again. */
  void released() {
    lock.lock();
    try {
      releases++;
      released.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
