package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedMessage;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedRequest.Position;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.messaging.spi.FeedTransport;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Delivers one slot of one subscription: takes a batch, applies it, moves the cursor in the commit
 * of its effects, and tries failed messages in between. One thread does all of it, so that live
 * delivery and replay of a key exclude each other.
 */
final class SlotWorker {
  private static final Logger log = LoggerFactory.getLogger(SlotWorker.class);
  private static final Duration REPORT_INTERVAL = Duration.ofSeconds(1);

  /**
   * A subscriber that is silent for days counts as dead: one that has nothing to read speaks up.
   */
  private static final Duration REPORT_AT_LEAST = Duration.ofMinutes(1);

  private static final Duration IDLE_WAIT = Duration.ofSeconds(5);
  private static final int THIN_EVERY = 200;
  private static final int PASSED_PER_BATCH_MAX = 100;

  private final MessagingParts parts;
  private final Subscription subscription;
  private final SlotLease lease;
  private final SlotStore slots;
  private final RetryStore retries;
  private final FeedTransport transport;
  private final BatchApplier applier;
  private final Set<String> blocked = new HashSet<>();
  private final CountDownLatch stopped = new CountDownLatch(1);

  private volatile @Nullable FeedStream stream;
  private final FeedIntake intake;
  private boolean loaded;
  private Optional<Cursor> committed;
  private Optional<Cursor> batchBefore = Optional.empty();
  private Optional<Cursor> reported = Optional.empty();
  private Instant reportedAt = Instant.EPOCH;
  private Instant retriesLookedAt = Instant.EPOCH;
  private Instant retryDue = Instant.MAX;
  private long windowRemembered = -1;
  private int remembered;
  private boolean held;
  private volatile boolean stopping;

  SlotWorker(
      MessagingParts parts,
      Subscription subscription,
      SlotLease lease,
      SlotStore slots,
      RetryStore retries,
      TraceScope trace) {
    this.parts = parts;
    this.subscription = subscription;
    this.lease = lease;
    this.slots = slots;
    this.retries = retries;
    this.transport = parts.transport().orElseThrow();
    this.committed = lease.cursor();
    this.intake = new FeedIntake(parts.config());
    this.applier =
        new BatchApplier(
            parts, lease, slots, retries, new Dispatcher(subscription, trace), blocked);
  }

  SlotLease lease() {
    return lease;
  }

  /** Runs until told to stop, or the lease is lost. */
  void run() {
    int failures = 0;
    while (!stopping) {
      try {
        step(IDLE_WAIT);
        failures = 0;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        stopping = true;
      } catch (SQLException | RuntimeException e) {
        if (Failures.isLeaseLost(e)) {
          log.atInfo().addKeyValue("slot", lease.id()).log("slot taken over by another instance");
          stopping = true;
        } else {
          failures++;
          broken(e, failures);
        }
      }
    }
    closeStream();
    parts.metrics().left(subscription.id(), lease.slot().index());
  }

  private void broken(Exception failure, int failures) {
    if (stopping) {
      return;
    }
    Duration backoff = parts.config().backoff().after(failures, parts.runtime().random());
    Duration wait = hopeless(failure) ? backoff : min(backoff, parts.config().lease());
    if (failures == 1 || failures % 10 == 0) {
      log.atWarn()
          .addKeyValue("slot", lease.id())
          .addKeyValue("failures", failures)
          .addKeyValue("reason", failure.getMessage())
          .log("delivery interrupted; it goes on by itself");
      log.atDebug().setCause(failure).log("delivery interrupted");
    }
    try {
      boolean unused = stopped.await(wait.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      stopping = true;
    }
  }

  /** Whether a person must act: no use in trying often. */
  private static boolean hopeless(Exception failure) {
    return failure instanceof FeedException feed
        && switch (feed.reason()) {
          case FORBIDDEN, UNKNOWN_TOPIC, INVALID -> true;
          case UNREACHABLE, UNKNOWN_POSITION, CLOSED -> false;
        };
  }

  /** Ends {@link #run} after the batch in progress. */
  void stop() {
    stopping = true;
    stopped.countDown();
    FeedStream open = stream;
    if (open != null) {
      open.close();
    }
  }

  /** Gives the stream up, and what was taken from it ahead of the committed cursor. */
  void closeStream() {
    FeedStream open = stream;
    stream = null;
    intake.forget();
    if (open != null) {
      open.close();
    }
  }

  /**
   * Does what is due: failed messages first, then a batch. After a failure the next step begins
   * again at the committed cursor: the stream may be ahead of it.
   *
   * @param wait how long to wait for a batch
   * @return whether anything was handled
   */
  boolean step(Duration wait) throws InterruptedException, SQLException {
    boolean whole = false;
    try {
      boolean any = proceed(wait);
      whole = true;
      return any;
    } finally {
      if (!whole) {
        closeStream();
        loaded = false;
      }
    }
  }

  private boolean proceed(Duration wait) throws InterruptedException, SQLException {
    if (!loaded) {
      load();
    }
    boolean retried = retryDueMessages();
    if (holds()) {
      report();
      boolean unused =
          stopped.await((retried ? Duration.ZERO : shorter(wait)).toNanos(), TimeUnit.NANOSECONDS);
      return retried;
    }
    FeedStream open = stream;
    if (open == null) {
      open = openStream();
      stream = open;
    }
    if (stopping) {
      return retried;
    }
    Optional<FeedBatch> batch = intake.next(open, retried ? Duration.ZERO : shorter(wait));
    boolean moved = false;
    if (batch.isPresent()) {
      moved = apply(batch.get());
    }
    report();
    return retried || moved;
  }

  private boolean full() {
    return blocked.size() >= parts.config().failedKeysMax();
  }

  /** Whether so many keys have failed that nothing more is read; says so when that changes. */
  private boolean holds() {
    boolean full = full();
    if (full == held) {
      return full;
    }
    held = full;
    parts.metrics().held(subscription.id(), lease.slot().index(), full);
    if (full) {
      closeStream();
      log.atWarn()
          .addKeyValue("slot", lease.id())
          .addKeyValue("failedKeysMax", parts.config().failedKeysMax())
          .log(
              "as many keys have failed as may: nothing more is read until some are done with."
                  + " Correct the handler, or replay or drop what is parked");
    } else {
      log.atInfo().addKeyValue("slot", lease.id()).log("failed keys are done with; reading on");
    }
    return full;
  }

  private void load() throws SQLException {
    committed = slots.committed(lease);
    blocked.clear();
    blocked.addAll(retries.keys(lease, parts.config().failedKeysMax()));
    retriesLookedAt = Instant.EPOCH;
    windowRemembered = -1;
    loaded = true;
  }

  private Duration shorter(Duration wait) {
    Duration least = wait;
    Instant now = parts.runtime().clock().instant();
    if (!blocked.isEmpty()) {
      least = min(least, parts.config().pollInterval());
      if (retryDue.isBefore(now.plus(least))) {
        least = Duration.between(now, retryDue);
      }
    }
    if (!reported.equals(committed)) {
      least = min(least, Duration.between(now, reportedAt.plus(REPORT_INTERVAL)));
    }
    return least.isNegative() ? Duration.ZERO : least;
  }

  private static Duration min(Duration one, Duration other) {
    return one.compareTo(other) <= 0 ? one : other;
  }

  private FeedStream openStream() throws SQLException {
    Position start =
        committed
            .<Position>map(Position.After::new)
            .orElseGet(
                () ->
                    switch (subscription.start()) {
                      case BEGINNING -> new Position.Beginning();
                      case NOW -> new Position.Now();
                    });
    batchBefore = committed;
    try {
      return transport.open(request(start));
    } catch (FeedException e) {
      if (e.reason() != FeedException.Reason.UNKNOWN_POSITION) {
        throw e;
      }
      boolean inSnapshot = committed.flatMap(Cursor::snapshot).isPresent();
      List<Cursor> passed = inSnapshot ? List.of() : slots.passed(lease);
      batchBefore = Optional.empty();
      parts.metrics().lostTail(subscription.id());
      log.atWarn()
          .addKeyValue("slot", lease.id())
          .addKeyValue("window", committed.map(Cursor::window).orElse(-1L))
          .log(
              "the publisher does not know our position: it lost its tail, was restored, or dropped"
                  + " what we had not read. Reading on from the newest position both know;"
                  + " messages may be missing or come again");
      return transport.open(
          request(inSnapshot ? new Position.Beginning() : new Position.AfterNewestKnown(passed)));
    }
  }

  private FeedRequest request(Position position) {
    return new FeedRequest(
        subscription.publisher(),
        parts.service(),
        subscription.name(),
        subscription.consumers().keySet(),
        lease.slot(),
        position);
  }

  private boolean apply(FeedBatch batch) throws SQLException {
    long begun = System.nanoTime();
    List<FeedMessage> messages = batch.messages();
    int from = 0;
    int to = messages.size();
    List<Cursor> passed = passed(batch);
    do {
      BatchApplier.Outcome outcome =
          applier.apply(messages.subList(from, to), end(batch, to), passed);
      switch (outcome) {
        case BatchApplier.Outcome.Committed(int count, Cursor cursor) -> {
          committed = Optional.of(cursor);
          from += count;
          to = messages.size();
        }
        case BatchApplier.Outcome.Failed(int at, Throwable reason) -> {
          if (at > 0) {
            to = from + at;
          } else {
            Cursor after = end(batch, from + 1);
            applier.setAside(messages.get(from), reason, after, passed);
            committed = Optional.of(after);
            from++;
            to = messages.size();
          }
        }
      }
    } while (from < messages.size() && !stopping && !full());
    if (from < messages.size()) {
      closeStream(); // it is ahead of the committed cursor
    }
    parts.metrics().lag(subscription.id(), lease.slot().index(), batch.lag());
    parts.metrics().batch(subscription.id(), System.nanoTime() - begun);
    thin();
    return !messages.isEmpty() || batch.end().snapshot().isPresent();
  }

  private static Cursor end(FeedBatch batch, int to) {
    return to == batch.messages().size() ? batch.end() : batch.messages().get(to - 1).cursor();
  }

  /**
   * The windows that are read to their end with this batch, each once, at most the newest of them.
   * A window that the batch before had cut is among them.
   */
  private List<Cursor> passed(FeedBatch batch) {
    Optional<Cursor> before = batchBefore;
    batchBefore = Optional.of(batch.end());
    if (batch.end().snapshot().isPresent()) {
      return List.of();
    }
    List<Cursor> passed = new ArrayList<>();
    before.ifPresent(cursor -> note(cursor, batch.end(), passed));
    for (FeedMessage message : batch.messages()) {
      note(message.cursor(), batch.end(), passed);
    }
    note(batch.end(), batch.end(), passed);
    remembered += passed.size();
    int first = Math.max(0, passed.size() - PASSED_PER_BATCH_MAX);
    return List.copyOf(passed.subList(first, passed.size()));
  }

  private void note(Cursor cursor, Cursor end, List<Cursor> passed) {
    boolean fresh = cursor.window() != windowRemembered && cursor.snapshot().isEmpty();
    if (fresh && end.isPast(cursor.window())) {
      windowRemembered = cursor.window();
      passed.add(cursor);
    }
  }

  private void thin() throws SQLException {
    if (remembered >= THIN_EVERY) {
      remembered = 0;
      slots.thinPassed(lease);
    }
  }

  private boolean retryDueMessages() throws SQLException {
    Instant now = parts.runtime().clock().instant();
    boolean look =
        !blocked.isEmpty()
            && (!now.isBefore(retryDue)
                || !now.isBefore(retriesLookedAt.plus(parts.config().pollInterval())));
    if (!look) {
      return false;
    }
    retriesLookedAt = now;
    blocked.clear();
    blocked.addAll(retries.keys(lease, parts.config().failedKeysMax()));
    RetryStore.Due due = retries.due(lease, now);
    long deadline = System.nanoTime() + parts.config().lease().dividedBy(3).toNanos();
    for (RetryStore.Head head : due.heads()) {
      retryKey(head, deadline);
      if (stopping || System.nanoTime() - deadline > 0) {
        break;
      }
    }
    boolean any = !due.heads().isEmpty();
    retryDue = any ? now : due.next();
    return any;
  }

  /** Goes on with the messages of a key as long as they can be handled and time is left. */
  private void retryKey(RetryStore.Head head, long deadline) throws SQLException {
    Optional<RetryStore.Head> next = Optional.of(head);
    while (next.isPresent() && applier.retry(next.get())) {
      boolean late = stopping || System.nanoTime() - deadline > 0;
      next = late ? Optional.empty() : retries.first(lease, head.orderKey());
    }
  }

  /** Tells the publisher how far we are; when this stops, nobody waits for the publisher. */
  private void report() {
    if (stopping) {
      return;
    }
    Instant now = parts.runtime().clock().instant();
    Optional<Cursor> position = committed;
    Duration interval = reported.equals(position) ? REPORT_AT_LEAST : REPORT_INTERVAL;
    if (position.isEmpty() || now.isBefore(reportedAt.plus(interval))) {
      return;
    }
    reportedAt = now;
    try {
      transport.report(
          new FeedReport(
              subscription.publisher(),
              parts.service(),
              subscription.name(),
              lease.slot(),
              position.get()));
      reported = position;
    } catch (FeedException e) {
      log.atDebug().addKeyValue("slot", lease.id()).setCause(e).log("report not delivered");
    }
  }
}
