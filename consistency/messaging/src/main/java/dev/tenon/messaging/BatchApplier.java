package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedMessage;
import dev.tenon.transaction.UnitOfWork;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Applies messages in local commits: effects, what they publish, and the cursor by one of them.
 * When a message fails, everything of its commit is rolled back; those before it are applied again
 * without it, and it is set aside with the later ones of its key.
 */
final class BatchApplier {
  private static final Logger log = LoggerFactory.getLogger(BatchApplier.class);
  private static final int REPEATS_MAX = 3;

  private final MessagingParts parts;
  private final SlotLease lease;
  private final SlotStore slots;
  private final RetryStore retries;
  private final Dispatcher dispatcher;
  private final Set<String> blocked;
  private final Failures failures;
  private final Duration slice;

  BatchApplier(
      MessagingParts parts,
      SlotLease lease,
      SlotStore slots,
      RetryStore retries,
      Dispatcher dispatcher,
      Set<String> blocked) {
    this.parts = parts;
    this.lease = lease;
    this.slots = slots;
    this.retries = retries;
    this.dispatcher = dispatcher;
    this.blocked = blocked;
    this.failures = new Failures(parts.transactions());
    this.slice = parts.config().lease().dividedBy(3);
  }

  /** What came of a try to apply messages. */
  sealed interface Outcome {
    /** The first {@code count} messages are committed, with the cursor after them. */
    record Committed(int count, Cursor cursor) implements Outcome {}

    /** Nothing is committed; the message at {@code at} is to blame, or is guessed to be. */
    record Failed(int at, Throwable reason) implements Outcome {}
  }

  /** How far a try has come. */
  private static final class Progress {
    private long since = System.nanoTime();
    boolean begun;
    int current;
    boolean handled;

    void at(int message) {
      begun = true;
      current = message;
      since = System.nanoTime();
    }

    Duration time() {
      return Duration.ofNanos(System.nanoTime() - since);
    }
  }

  /** The database ends a transaction that waits for too long, and would do so again. */
  private boolean leftIdle(Exception failure, Progress progress) {
    return failures.isConnectionLost(failure) && progress.time().compareTo(slots.idleMax()) >= 0;
  }

  private Exception explained(Exception failure, Progress progress) {
    return leftIdle(failure, progress)
        ? new MessagingException(
            "The consumer did something else for longer than "
                + slots.idleMax().toMillis()
                + " ms while its transaction waited. Do that outside, or raise the lease.",
            failure)
        : failure;
  }

  /**
   * Applies messages in one commit. When that takes longer than a part of the lease it commits
   * early.
   *
   * @param messages in the order of the log; may be empty
   * @param end the cursor after all of them
   * @param passed the windows to note as passed, as far as the commit gets past them
   */
  Outcome apply(List<FeedMessage> messages, Cursor end, List<Cursor> passed) {
    for (int repeat = 0; ; repeat++) {
      Progress progress = new Progress();
      try {
        int count =
            parts
                .transactions()
                .<Integer, Exception>call(unit -> work(unit, messages, end, passed, progress));
        parts.metrics().delivered(lease.subscription(), count);
        return new Outcome.Committed(count, cursorAfter(messages, count, end));
      } catch (Exception e) {
        boolean blameless = !progress.begun || failures.isInfrastructure(e);
        if (blameless || messages.isEmpty()) {
          throw infrastructure(e);
        }
        boolean repeatable = failures.isRepeatable(e) && !leftIdle(e, progress);
        if (repeatable && repeat < REPEATS_MAX) {
          continue;
        }
        return failed(explained(e, progress), progress, messages.size());
      }
    }
  }

  private int work(
      UnitOfWork unit,
      List<FeedMessage> messages,
      Cursor end,
      List<Cursor> passed,
      Progress progress)
      throws Exception {
    slots.begin(unit.connection());
    progress.at(0);
    long deadline = System.nanoTime() + slice.toNanos();
    int count = 0;
    for (FeedMessage message : messages) {
      progress.at(count);
      if (count > 0 && System.nanoTime() > deadline) {
        break;
      }
      handle(unit, message.message());
      count++;
    }
    progress.handled = true;
    Cursor cursor = cursorAfter(messages, count, end);
    List<Cursor> whole = whole(passed, cursor);
    unit.beforeCommit(connection -> slots.advance(connection, lease, cursor, whole));
    return count;
  }

  /** A window that is read in part is no place to go on after. */
  private static List<Cursor> whole(List<Cursor> passed, Cursor cursor) {
    return passed.stream().filter(window -> cursor.isPast(window.window())).toList();
  }

  private static Cursor cursorAfter(List<FeedMessage> messages, int count, Cursor end) {
    return count == messages.size() ? end : messages.get(count - 1).cursor();
  }

  private void handle(UnitOfWork unit, Message message) throws Exception {
    if (!blocked.isEmpty() && blocked.contains(RetryStore.orderKey(message))) {
      retries.add(
          unit.connection(),
          lease,
          message,
          new RetryStore.Verdict(0, parts.runtime().clock().instant(), false, ""));
      return;
    }
    dispatcher.dispatch(message, 1, unit);
  }

  /** Blames the message in hand, or bisects when the commit as a whole was refused. */
  private static Outcome failed(Exception failure, Progress progress, int size) {
    int at = progress.handled ? size / 2 : progress.current;
    return new Outcome.Failed(at, failure);
  }

  private static RuntimeException infrastructure(Exception failure) {
    return failure instanceof RuntimeException runtime
        ? runtime
        : new MessagingException(
            "Could not apply a batch: " + failure.getMessage() + ". It is tried again.", failure);
  }

  /**
   * Moves a message that failed to the retry table, and the cursor past it.
   *
   * @param after the cursor after the message, which is the batch's end if it is the last
   * @param passed the windows to note as passed, if the cursor then is past them
   * @throws SQLException if that could not be committed; the batch is read again
   */
  void setAside(FeedMessage message, Throwable reason, Cursor after, List<Cursor> passed)
      throws SQLException {
    RetryStore.Verdict verdict = verdict(1, reason);
    List<Cursor> whole = whole(passed, after);
    parts
        .transactions()
        .<SQLException>run(
            unit -> {
              slots.begin(unit.connection());
              retries.add(unit.connection(), lease, message.message(), verdict);
              unit.beforeCommit(connection -> slots.advance(connection, lease, after, whole));
            });
    blocked.add(RetryStore.orderKey(message.message()));
    failed(message.message(), verdict);
  }

  /** Tries the head of a key again; says whether it is done with. */
  boolean retry(RetryStore.Head head) throws SQLException {
    parts.metrics().retried(lease.subscription());
    int attempt = head.attempts() + 1;
    for (int repeat = 0; ; repeat++) {
      Progress progress = new Progress();
      try {
        parts.transactions().<Exception>run(unit -> again(unit, head, attempt, progress));
        parts.metrics().delivered(lease.subscription(), 1);
        return true;
      } catch (Exception e) {
        if (!progress.begun || failures.isInfrastructure(e)) {
          throw infrastructure(e);
        }
        boolean repeatable = failures.isRepeatable(e) && !leftIdle(e, progress);
        if (!repeatable || repeat >= REPEATS_MAX) {
          failedAgain(head, verdict(attempt, explained(e, progress)));
          return false;
        }
      }
    }
  }

  private void again(UnitOfWork unit, RetryStore.Head head, int attempt, Progress progress)
      throws Exception {
    Connection connection = unit.connection();
    slots.begin(connection);
    progress.at(0);
    if (retries.remove(connection, lease, head)) {
      dispatcher.dispatch(head.message(), attempt, unit);
    }
    unit.beforeCommit(last -> slots.check(last, lease));
  }

  private void failedAgain(RetryStore.Head head, RetryStore.Verdict verdict) throws SQLException {
    parts
        .transactions()
        .<SQLException>run(
            unit -> {
              slots.begin(unit.connection());
              retries.failedAgain(unit.connection(), lease, head, verdict);
              unit.beforeCommit(connection -> slots.check(connection, lease));
            });
    failed(head.message(), verdict);
  }

  private RetryStore.Verdict verdict(int attempts, Throwable reason) {
    boolean hopeless = reason instanceof UndeliverableException;
    boolean park = hopeless || attempts >= parts.config().attemptsMax();
    Instant next =
        parts
            .runtime()
            .clock()
            .instant()
            .plus(parts.config().backoff().after(attempts, parts.runtime().random()));
    return new RetryStore.Verdict(attempts, next, park, Failures.describe(reason));
  }

  private void failed(Message message, RetryStore.Verdict verdict) {
    parts.metrics().failure(lease.subscription());
    log.atWarn()
        .addKeyValue("slot", lease.id())
        .addKeyValue("message", message.id())
        .addKeyValue("topic", message.topic())
        .addKeyValue("attempts", verdict.attempts())
        .addKeyValue("reason", verdict.error())
        .log(verdict.parked() ? "message parked" : "message failed; it will be tried again");
  }
}
