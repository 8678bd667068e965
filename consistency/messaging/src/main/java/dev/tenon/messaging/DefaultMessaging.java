package dev.tenon.messaging;

import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedSource;
import dev.tenon.runtime.BackgroundLoops;
import dev.tenon.runtime.Backoff;
import dev.tenon.runtime.Signal;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wires the parts together and runs their loops: one closes windows, one keeps leases, one does
 * upkeep, one wakes peers, and each owned slot has a worker.
 */
final class DefaultMessaging implements Messaging {
  private static final Logger log = LoggerFactory.getLogger(DefaultMessaging.class);
  private static final Duration UPKEEP_INTERVAL = Duration.ofSeconds(30);
  private static final Duration LOOP_JOIN_MAX = Duration.ofSeconds(5);

  private final MessagingParts parts;
  private final TransactionalOutbox outbox;
  private final FeedSource feedSource;
  private final FailedMessages failedMessages;
  private final Subscriptions subscriptions;
  private final Inbox inbox;
  private final IdempotentReceiver receiver;
  private final WindowCloser closer;
  private final WindowPace pace;
  private final LeaseCoordinator coordinator;
  private final LogKeeper keeper;
  private final SlotStore slots;
  private final RetryStore retries;
  private final TraceScope trace = new TraceScope();
  private final Signal committed = new Signal();
  private final Signal peersToWake = new Signal();
  private final Signal leasesNow = new Signal();
  private final ReentrantLock lifecycle = new ReentrantLock();
  private final BackgroundLoops loops;
  private final List<SlotWorker> manual = new ArrayList<>();
  private boolean started;

  DefaultMessaging(MessagingParts parts) {
    this.parts = parts;
    Backoff backoff = parts.config().backoff();
    Duration lease = parts.config().lease();
    loops =
        new BackgroundLoops(
            parts.runtime(),
            parts.service(),
            new Backoff(min(backoff.first(), lease), min(backoff.longest(), lease)));
    OutboxLog outboxLog =
        new SnapshotWindowLog(parts.dataSource(), parts.tables(), parts.runtime().ids());
    LogTail tail = new LogTail();
    ChunkCache cache = new ChunkCache(outboxLog, tail, parts.metrics());
    SubscriberStore subscribers =
        new SubscriberStore(
            parts.dataSource(), parts.tables(), parts.config().subscriptionsPerSubscriberMax());
    slots =
        new SlotStore(parts.dataSource(), parts.tables(), parts.instance(), parts.config().lease());
    retries = new RetryStore(parts.dataSource(), parts.tables());
    coordinator = new LeaseCoordinator(parts, slots, retries, trace);
    closer = new WindowCloser(parts, outboxLog, tail, coordinator::peers);
    pace = new WindowPace(parts.runtime().clock(), parts.config().windowGapMax());
    keeper = new LogKeeper(parts.dataSource(), parts.tables(), parts.config(), parts.metrics());
    outbox =
        new TransactionalOutbox(
            parts, outboxLog, trace::headers, committed::wake, closer::delayedCommitted);
    feedSource = new LogFeedSource(parts, outboxLog, cache, tail, subscribers, committed::wake);
    failedMessages = new StoredFailedMessages(parts, retries);
    subscriptions = new StoredSubscriptions(parts, subscribers, slots);
    inbox = new LocalInbox(parts.transactions(), parts.tables());
    receiver = new LocalReceiver(parts, new ReplyStore(parts.tables()));
  }

  @Override
  public Outbox outbox() {
    return outbox;
  }

  @Override
  public FeedSource feedSource() {
    return feedSource;
  }

  @Override
  public FailedMessages failedMessages() {
    return failedMessages;
  }

  @Override
  public Subscriptions subscriptions() {
    return subscriptions;
  }

  @Override
  public Inbox inbox() {
    return inbox;
  }

  @Override
  public IdempotentReceiver receiver() {
    return receiver;
  }

  @Override
  public HeldMessages heldMessages() {
    return outbox;
  }

  @Override
  public void start() {
    lifecycle.lock();
    try {
      if (started || loops.stopped()) {
        throw new IllegalStateException("messaging was started or closed before");
      }
      started = true;
      loops.start("leases", this::leases);
      loops.start("log", this::closeWindows);
      loops.start("upkeep", this::upkeep);
      loops.start("peers", this::wakePeers);
    } finally {
      lifecycle.unlock();
    }
  }

  private static Duration min(Duration one, Duration other) {
    return one.compareTo(other) <= 0 ? one : other;
  }

  private void closeWindows() throws SQLException, InterruptedException {
    long messages = closer.close();
    if (messages > 0) {
      peersToWake.wake();
      boolean unused = loops.pause(pace.closed(messages));
    }
    boolean unused = committed.await(closer.untilDue(parts.config().pollInterval()));
  }

  private void wakePeers() throws InterruptedException {
    if (peersToWake.await(parts.config().pollInterval())) {
      closer.wakePeers();
    }
  }

  private void leases() throws SQLException, InterruptedException {
    if (!parts.subscriptions().isEmpty()) {
      coordinator.ensureSlots();
    }
    Duration interval = min(parts.config().lease().dividedBy(4), Duration.ofSeconds(1));
    do {
      coordinator.beat();
      boolean unused = leasesNow.await(interval);
    } while (!loops.stopped());
  }

  private void upkeep() throws SQLException, InterruptedException {
    keep();
    boolean unused = loops.pause(UPKEEP_INTERVAL);
  }

  private void keep() throws SQLException {
    Instant now = parts.runtime().clock().instant();
    keeper.keep(now);
    Map<String, long[]> counts = retries.counts();
    for (String subscription : parts.subscriptions().keySet()) {
      long[] count = counts.getOrDefault(subscription, new long[2]);
      parts.metrics().failedNow(subscription, count[0], count[1]);
    }
  }

  @Override
  public boolean runPending() {
    lifecycle.lock();
    try {
      if (started || loops.stopped()) {
        throw new IllegalStateException("messaging runs by itself, or is closed");
      }
      boolean any = closer.close() > 0;
      for (SlotWorker worker : manualWorkers()) {
        any |= worker.step(Duration.ZERO);
      }
      return any;
    } catch (SQLException e) {
      throw new MessagingException(
          "Could not run what is pending [service=" + parts.service() + "]: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MessagingException("Could not run what is pending: interrupted", e);
    } finally {
      lifecycle.unlock();
    }
  }

  /** The workers of all slots; when a fence was raised meanwhile, as a restart does, new ones. */
  private List<SlotWorker> manualWorkers() throws SQLException {
    if (parts.subscriptions().isEmpty()) {
      return manual;
    }
    if (!manual.isEmpty()) {
      Map<String, Long> fences = slots.fences();
      if (manual.stream().map(SlotWorker::lease).allMatch(lease -> owned(lease, fences))) {
        return manual;
      }
      manual.forEach(SlotWorker::closeStream);
      manual.clear();
    }
    coordinator.ensureSlots();
    // An earlier try may have taken slots without learning of it.
    slots.releaseExcept(Set.of());
    List<SlotWorker> workers = new ArrayList<>();
    for (Subscription subscription : parts.subscriptions().values()) {
      for (SlotLease lease : slots.acquire(subscription.id(), FeedRequest.Slot.COUNT_MAX)) {
        workers.add(new SlotWorker(parts, subscription, lease, slots, retries, trace));
      }
    }
    manual.addAll(workers);
    return manual;
  }

  private static boolean owned(SlotLease lease, Map<String, Long> fences) {
    return Long.valueOf(lease.fence()).equals(fences.get(lease.id()));
  }

  @Override
  public void close() {
    lifecycle.lock();
    boolean reachable = false;
    try {
      if (loops.stopped()) {
        return;
      }
      loops.stop();
      committed.wake();
      peersToWake.wake();
      leasesNow.wake();
      for (SlotWorker worker : manual) {
        worker.closeStream();
        slots.release(worker.lease());
      }
      if (started) {
        coordinator.close();
      }
      reachable = true;
    } catch (SQLException e) {
      log.atWarn()
          .addKeyValue("service", parts.service())
          .addKeyValue("reason", e.getMessage())
          .log("leases not released; they lapse by themselves");
    } finally {
      if (loops.awaitEnd(LOOP_JOIN_MAX) && started && reachable) {
        closeLastWindow();
      }
      lifecycle.unlock();
    }
  }

  /**
   * What the last batches published would else wait for the next look of another instance, or for
   * the next start.
   */
  private void closeLastWindow() {
    try {
      if (closer.close() > 0) {
        closer.wakePeers();
      }
    } catch (SQLException e) {
      log.atDebug().setCause(e).log("last window not closed; another instance does it");
    }
  }
}
