package dev.tenon.messaging;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes this instance's share of the slots, renews it, gives up what is too much, and runs a worker
 * for each slot it owns. A worker whose slot is no longer ours is stopped; it could commit nothing
 * anyway, for the fence has moved.
 */
final class LeaseCoordinator {
  private static final Logger log = LoggerFactory.getLogger(LeaseCoordinator.class);
  private static final Duration JOIN_MAX = Duration.ofSeconds(10);

  /** How many leases a worker that is to leave has for its batch, before it is interrupted. */
  private static final int LEAVING_LEASES_MAX = 20;

  /** Threads of handlers that do not end although their slot is lost; with more, none is taken. */
  private static final int STRAYS_MAX = 64;

  private final MessagingParts parts;
  private final SlotStore slots;
  private final RetryStore retries;
  private final TraceScope trace;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, Running> running = new LinkedHashMap<>();
  private volatile List<String> peers = List.of();
  private final List<Running> strays = new ArrayList<>();
  private boolean closed;

  /** A worker and its thread. Guarded by the lock. */
  private static final class Running {
    final SlotWorker worker;
    final Thread thread;
    private long leaveNanos;
    private boolean leaving;
    private boolean hurried;

    Running(SlotWorker worker, Thread thread) {
      this.worker = worker;
      this.thread = thread;
    }

    void leave() {
      if (!leaving) {
        leaving = true;
        leaveNanos = System.nanoTime();
      }
      worker.stop();
    }

    /** Whether it is to be hurried now: it had its time, and was not hurried yet. */
    boolean overdue(Duration most) {
      return leaving
          && !hurried
          && thread.isAlive()
          && System.nanoTime() - leaveNanos > most.toNanos();
    }

    void hurry() {
      hurried = true;
      thread.interrupt();
    }
  }

  LeaseCoordinator(MessagingParts parts, SlotStore slots, RetryStore retries, TraceScope trace) {
    this.parts = parts;
    this.slots = slots;
    this.retries = retries;
    this.trace = trace;
  }

  /** The addresses of the other instances, as of the last beat. */
  List<String> peers() {
    return peers;
  }

  /** Makes the slots of all subscriptions. */
  void ensureSlots() throws SQLException {
    for (Subscription subscription : parts.subscriptions().values()) {
      slots.ensure(subscription.id(), parts.config().slots());
    }
  }

  /**
   * One round: show life, renew, stop what is lost, balance. To be called every part of a lease.
   */
  void beat() throws SQLException {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      Set<String> subscriptions = parts.subscriptions().keySet();
      Map<String, SlotStore.Share> shares = slots.beat(parts.address(), subscriptions);
      peers = parts.transport().isPresent() ? slots.peers() : List.of();
      if (subscriptions.isEmpty()) {
        return;
      }
      Map<String, Long> fences = slots.renew();
      dropEnded(fences);
      hurryWhoDoesNotLeave();
      if (!running.keySet().containsAll(fences.keySet())) {
        slots.releaseExcept(running.keySet());
      }
      for (Subscription subscription : parts.subscriptions().values()) {
        SlotStore.Share share = shares.get(subscription.id());
        if (share != null) {
          balance(subscription, share.most());
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Forgets workers that have ended, and stops those whose slot is another instance's by now. */
  private void dropEnded(Map<String, Long> fences) {
    running
        .values()
        .removeIf(
            entry -> {
              SlotLease lease = entry.worker.lease();
              boolean ours = Long.valueOf(lease.fence()).equals(fences.get(lease.id()));
              if (!ours) {
                entry.leave();
                strays.add(entry);
              }
              return !ours || !entry.thread.isAlive();
            });
    strays.removeIf(entry -> !entry.thread.isAlive());
    parts.metrics().strays(strays.size());
  }

  /** A handler that hangs would keep its thread for ever, and its slot from everybody. */
  private void hurryWhoDoesNotLeave() {
    Duration most = parts.config().lease().multipliedBy(LEAVING_LEASES_MAX);
    Stream.concat(running.values().stream(), strays.stream())
        .filter(entry -> entry.overdue(most))
        .forEach(
            entry -> {
              log.atWarn()
                  .addKeyValue("slot", entry.worker.lease().id())
                  .addKeyValue("thread", entry.thread.getName())
                  .log(
                      "a handler does not end; it is interrupted and its slot given up, so that"
                          + " its commit is refused. Bound what it waits for");
              entry.hurry();
              giveUp(entry.worker.lease());
            });
  }

  private void balance(Subscription subscription, int share) throws SQLException {
    List<Running> owned = ownedOf(subscription);
    // A worker that is told to stop gives its slot up after its batch.
    for (int i = share; i < owned.size(); i++) {
      owned.get(i).leave();
    }
    if (owned.size() < share && strays.size() < STRAYS_MAX) {
      for (SlotLease lease : slots.acquire(subscription.id(), share - owned.size())) {
        start(subscription, lease);
      }
    }
  }

  private List<Running> ownedOf(Subscription subscription) {
    List<Running> owned = new ArrayList<>();
    for (Running entry : running.values()) {
      if (entry.worker.lease().subscription().equals(subscription.id())) {
        owned.add(entry);
      }
    }
    return owned;
  }

  private void start(Subscription subscription, SlotLease lease) {
    if (lease.takenOver()) {
      parts.metrics().takenOver(subscription.id());
      log.atInfo().addKeyValue("slot", lease.id()).log("slot taken over from a lapsed lease");
    }
    SlotWorker worker = new SlotWorker(parts, subscription, lease, slots, retries, trace);
    Thread thread = parts.runtime().workers().newThread(() -> work(worker));
    running.put(lease.id(), new Running(worker, thread));
    thread.start();
  }

  /** Gives the slot up as soon as the worker has ended, so that nobody waits for a lease. */
  private void work(SlotWorker worker) {
    try {
      worker.run();
    } finally {
      giveUp(worker.lease());
    }
  }

  private void giveUp(SlotLease lease) {
    try {
      slots.release(lease);
    } catch (SQLException e) {
      log.atDebug()
          .addKeyValue("slot", lease.id())
          .setCause(e)
          .log("slot not released; the next round does it, or its lease lapses");
    }
  }

  private static void join(Running entry, long deadline) {
    try {
      if (!entry.thread.join(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())))) {
        log.atWarn()
            .addKeyValue("slot", entry.worker.lease().id())
            .log("a handler does not end; its slot is given up, its commit will be refused");
        entry.hurry();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Lets the batches in progress commit, then gives everything up. No round follows. */
  void close() throws SQLException {
    lock.lock();
    try {
      closed = true;
      running.values().forEach(Running::leave);
      strays.forEach(Running::hurry);
      long deadline = System.nanoTime() + JOIN_MAX.toNanos();
      for (Running entry : running.values()) {
        join(entry, deadline);
        slots.release(entry.worker.lease());
      }
      running.clear();
      slots.leave();
    } finally {
      lock.unlock();
    }
  }
}
