package dev.tenon.invocation;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Whether one endpoint may be asked. Closed it may; open it may not until a time; then one call
 * probes it (half-open), and decides. After an open time its share of the calls grows back over a
 * while. Thread-safe; times are milliseconds of one clock.
 */
final class CircuitBreaker {
  /** How soon after the last failure an early probe may follow. */
  static final long EARLY_PROBE_AFTER_MILLIS = 10;

  private static final double SHARE_LEAST = 0.1;
  private static final long UNREACHED_MILLIS_MAX = 2000; // looking again costs nobody any work

  private enum State {
    CLOSED,
    OPEN,
    HALF_OPEN
  }

  private final EjectionPolicy policy;
  private final RandomGenerator random;
  private volatile State state = State.CLOSED;
  private volatile long returnedAt = Long.MIN_VALUE; // the end of the last open time, if it counts
  private long openUntil;
  private boolean unreached; // why it is open: nobody was there, so trying has cost no work
  private long failedAt; // the last time it was opened, or an early probe failed
  private int ejections; // in a row
  private int failuresInRow;
  private final CallWindow window;

  CircuitBreaker(EjectionPolicy policy, RandomGenerator random) {
    this.policy = policy;
    this.random = random;
    this.window = new CallWindow(policy.window().toMillis());
  }

  /** Whether a call could be made now; asks without taking the probe. */
  boolean available(long now) {
    return switch (state) {
      case CLOSED -> true;
      case HALF_OPEN -> false;
      case OPEN -> {
        synchronized (this) {
          yield state == State.CLOSED || (state == State.OPEN && now >= openUntil);
        }
      }
    };
  }

  /** Takes the right to one call, which is the probe if the breaker was open. */
  boolean tryAcquire(long now) {
    if (state == State.CLOSED) {
      return true;
    }
    synchronized (this) {
      if (state == State.OPEN && now >= openUntil) {
        state = State.HALF_OPEN;
        return true;
      }
      return state == State.CLOSED;
    }
  }

  /** Takes the right to one call, before the open time is over too; not while a probe is out. */
  synchronized boolean tryProbe() {
    if (state == State.HALF_OPEN) {
      return false;
    }
    state = state == State.OPEN ? State.HALF_OPEN : state;
    return true;
  }

  /**
   * Takes the right to one call when no other endpoint is left: an early probe, or a call beside
   * the probe, which may be a slow call. Only of an endpoint that was not there, which may be back,
   * and not of one that failed.
   */
  synchronized boolean tryLastResort(long now) {
    return switch (state) {
      case CLOSED -> true;
      case HALF_OPEN -> unreached;
      case OPEN -> {
        boolean may = unreached && now - failedAt >= EARLY_PROBE_AFTER_MILLIS;
        state = may ? State.HALF_OPEN : State.OPEN;
        yield may;
      }
    };
  }

  /** Whether {@link #tryLastResort} may say yes in a moment. */
  synchronized boolean mayBeLastResort() {
    return state != State.OPEN || unreached;
  }

  synchronized void succeeded(long now) {
    failuresInRow = 0;
    window.add(now, false);
    if (state == State.HALF_OPEN) {
      state = State.CLOSED;
      returnedAt = now;
    } else if (state == State.CLOSED && ejections > 0 && share(now) >= 1) {
      ejections = 0;
      returnedAt = Long.MIN_VALUE;
    }
  }

  /** Tells that the probe is being answered: others need not wait for its end. */
  synchronized void answering(long now) {
    if (state == State.HALF_OPEN) {
      state = State.CLOSED;
      returnedAt = now;
    }
  }

  /** Tells of a call that failed; whether this ended the endpoint's turn. */
  synchronized boolean failed(long now, boolean mayEject) {
    failuresInRow++;
    window.add(now, true);
    boolean tooMany =
        failuresInRow >= policy.failuresInRowMax()
            || (window.calls(now) >= policy.callsMin()
                && window.failures(now) > policy.failureShareMax() * window.calls(now));
    if (state == State.HALF_OPEN || (state == State.CLOSED && tooMany && mayEject)) {
      open(now, false);
      return true;
    }
    return false;
  }

  /**
   * Tells of an endpoint that could not be connected to, or does not serve, which ends its turn at
   * once.
   */
  synchronized boolean unreached(long now) {
    boolean early = state == State.HALF_OPEN && now < openUntil;
    if (early || state == State.OPEN) {
      state = State.OPEN;
      unreached = true;
      failedAt = now;
      return false;
    }
    open(now, true);
    return true;
  }

  /** Tells of a call that says nothing about the endpoint, such as one the caller gave up. */
  synchronized void undecided(long now) {
    if (state == State.HALF_OPEN) {
      state = State.OPEN;
      openUntil = now;
    }
  }

  /** When it may be asked again, if it may not now. */
  synchronized long openUntil() {
    return openUntil;
  }

  boolean closed() {
    return state == State.CLOSED;
  }

  /** The part of its weight that counts now: 1, or less after an open time. */
  double share(long now) {
    long since = returnedAt;
    if (since == Long.MIN_VALUE) {
      return 1;
    }
    double part = (double) (now - since) / Math.max(1, policy.returnOver().toMillis());
    return Math.min(1, SHARE_LEAST + part * (1 - SHARE_LEAST));
  }

  private void open(long now, boolean nobodyThere) {
    ejections++;
    failuresInRow = 0;
    window.clear();
    long millis = policy.timeOut().after(ejections, random).toMillis();
    openUntil = now + (nobodyThere ? Math.min(millis, UNREACHED_MILLIS_MAX) : millis);
    unreached = nobodyThere;
    failedAt = now;
    returnedAt = Long.MIN_VALUE;
    state = State.OPEN;
  }

  /** Calls and failures of the last while, in buckets. Guarded by the breaker. */
  private static final class CallWindow {
    private static final int BUCKETS = 10;
    private final long bucketMillis;
    private final int[] calls = new int[BUCKETS];
    private final int[] failures = new int[BUCKETS];
    private long newest = Long.MIN_VALUE; // number of the bucket that is written

    CallWindow(long millis) {
      bucketMillis = Math.max(1, millis / BUCKETS);
    }

    void add(long now, boolean failure) {
      int bucket = turn(now);
      calls[bucket]++;
      failures[bucket] += failure ? 1 : 0;
    }

    int calls(long now) {
      turn(now);
      return sum(calls);
    }

    int failures(long now) {
      turn(now);
      return sum(failures);
    }

    void clear() {
      Arrays.fill(calls, 0);
      Arrays.fill(failures, 0);
    }

    private int turn(long now) {
      long number = Math.floorDiv(now, bucketMillis);
      if (newest == Long.MIN_VALUE || number - newest >= BUCKETS) {
        clear();
        newest = number;
      }
      while (newest < number) {
        newest++;
        int next = (int) Math.floorMod(newest, (long) BUCKETS);
        calls[next] = 0;
        failures[next] = 0;
      }
      return (int) Math.floorMod(newest, (long) BUCKETS);
    }

    private static int sum(int[] values) {
      int sum = 0;
      for (int value : values) {
        sum += value;
      }
      return sum;
    }
  }
}
