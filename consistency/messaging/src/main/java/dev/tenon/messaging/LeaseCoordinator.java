package dev.tenon.messaging;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
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

  private final MessagingParts parts;
  private final SlotStore slots;
  private final RetryStore retries;
  private final TraceScope trace;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, Running> running = new LinkedHashMap<>();
  private volatile List<String> peers = List.of();

  private record Running(SlotWorker worker, Thread thread) {}

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
    Set<String> subscriptions = parts.subscriptions().keySet();
    Map<String, Integer> readers = slots.beat(parts.address(), subscriptions);
    peers = parts.transport().isPresent() ? slots.peers() : List.of();
    if (subscriptions.isEmpty()) {
      return;
    }
    Map<String, Long> fences = slots.renew();
    lock.lock();
    try {
      dropEnded(fences);
      if (!running.keySet().containsAll(fences.keySet())) {
        slots.releaseExcept(running.keySet());
      }
      for (Subscription subscription : parts.subscriptions().values()) {
        balance(subscription, Math.max(1, readers.getOrDefault(subscription.id(), 1)));
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
              SlotLease lease = entry.worker().lease();
              boolean ours = Long.valueOf(lease.fence()).equals(fences.get(lease.id()));
              if (!ours) {
                entry.worker().stop();
              }
              return !ours || !entry.thread().isAlive();
            });
  }

  private void balance(Subscription subscription, int instances) throws SQLException {
    List<Running> owned = ownedOf(subscription);
    int total =
        owned.isEmpty() ? parts.config().slots() : owned.getFirst().worker().lease().slot().count();
    int share = (total + instances - 1) / instances;
    // A worker that is told to stop ends after its batch; a later round gives its slot up.
    for (int i = share; i < owned.size(); i++) {
      owned.get(i).worker().stop();
    }
    if (owned.size() < share) {
      for (SlotLease lease : slots.acquire(subscription.id(), share - owned.size())) {
        start(subscription, lease);
      }
    }
  }

  private List<Running> ownedOf(Subscription subscription) {
    List<Running> owned = new ArrayList<>();
    for (Running entry : running.values()) {
      if (entry.worker().lease().subscription().equals(subscription.id())) {
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
    Thread thread = parts.runtime().threads().newThread(worker::run);
    running.put(lease.id(), new Running(worker, thread));
    thread.start();
  }

  private static void join(Running entry) {
    try {
      if (!entry.thread().join(JOIN_MAX)) {
        log.atWarn()
            .addKeyValue("slot", entry.worker().lease().id())
            .log("a handler does not end; its slot is given up, its commit will be refused");
        entry.thread().interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Lets the batches in progress commit, then gives everything up. */
  void close() throws SQLException {
    lock.lock();
    try {
      running.values().forEach(entry -> entry.worker().stop());
      for (Running entry : running.values()) {
        join(entry);
        slots.release(entry.worker().lease());
      }
      running.clear();
      slots.leave();
    } finally {
      lock.unlock();
    }
  }
}
