package dev.tenon.messaging;

import dev.tenon.messaging.Receipt.Executed;
import dev.tenon.messaging.Receipt.Rejected;
import dev.tenon.messaging.Receipt.Rejection;
import dev.tenon.messaging.Receipt.Replayed;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.BatchRecorder;
import dev.tenon.transaction.spi.StatementBatch;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Keeps replies in the service's own database. */
final class LocalReceiver implements IdempotentReceiver {
  /** A key that claims to be made later than this from now says nothing about its age. */
  private static final Duration AHEAD_MAX = Duration.ofMinutes(5);

  private final Transactions transactions;
  private final ReplyStore store;
  private final int replyBytesMax;
  private final InstantSource clock;
  private final MessagingMetrics metrics;
  private final BatchRecorder<Pending> recorder = new BatchRecorder<>(this::collect);

  LocalReceiver(MessagingParts parts, ReplyStore store) {
    this.transactions = parts.transactions();
    this.store = store;
    this.replyBytesMax = parts.config().replyBytesMax();
    this.clock = parts.runtime().clock();
    this.metrics = parts.metrics();
  }

  /** A reply that is completed when it is written. */
  private static final class Pending {
    private final IdempotencyKey key;
    private final Fingerprint fingerprint;
    private final Instant keptFrom;
    private final Work<?> work;
    private StoredReply reply;

    Pending(
        IdempotencyKey key,
        Fingerprint fingerprint,
        Instant keptFrom,
        Work<?> work,
        StoredReply reply) {
      this.key = key;
      this.fingerprint = fingerprint;
      this.keptFrom = keptFrom;
      this.work = work;
      this.reply = reply;
    }
  }

  private void collect(StatementBatch batch, List<Pending> replies) throws SQLException {
    List<ReplyStore.Entry> entries = new ArrayList<>();
    for (Pending one : replies) {
      one.reply = one.work.complete(one.reply);
      entries.add(new ReplyStore.Entry(one.key, one.fingerprint, one.reply, one.keptFrom));
    }
    store.store(batch, entries);
  }

  @Override
  public <X extends Exception> Receipt handle(
      IdempotencyKey key, Fingerprint fingerprint, Work<X> work) throws X {
    return handle(key, fingerprint, Instant.EPOCH, work);
  }

  @Override
  public void forget(UnitOfWork unit, IdempotencyKey key) throws SQLException {
    store.delete(unit.connection(), key);
  }

  @Override
  public <X extends Exception> Receipt handle(
      IdempotencyKey key, Fingerprint fingerprint, Instant keepUntil, Work<X> work) throws X {
    if (transactions.current().isPresent()) {
      throw failed(key, "a transaction is open", "Handle it outside of one", null);
    }
    Receipt receipt;
    try {
      receipt = once(key, fingerprint, keepUntil, work);
    } catch (RefusalException refusal) {
      receipt = once(key, fingerprint, keepUntil, unit -> refusal.reply());
    }
    metrics.reply(receipt);
    return receipt;
  }

  @Override
  public Optional<StoredReply> find(IdempotencyKey key) {
    return transactions.read(
        unit -> {
          try {
            return store.find(unit.connection(), key);
          } catch (SQLException e) {
            throw failed(key, String.valueOf(e.getMessage()), "Look again", e);
          }
        });
  }

  private <X extends Exception> Receipt once(
      IdempotencyKey key, Fingerprint fingerprint, Instant keepUntil, Work<X> work) throws X {
    try {
      return transactions
          .<Supplier<Receipt>, X>call(
              unit -> {
                Optional<Receipt> known = look(unit, key, fingerprint, work);
                return known.isPresent()
                    ? known::get
                    : run(unit, key, fingerprint, keepUntil, work);
              })
          .get();
    } catch (TransactionException e) {
      if (e.getCause() instanceof ReplyStore.TakenException) {
        return transactions.call(
            unit ->
                look(unit, key, fingerprint, null)
                    .orElseGet(() -> new Rejected(Rejection.STILL_RUNNING)));
      }
      throw e;
    }
  }

  private <X extends Exception> Supplier<Receipt> run(
      UnitOfWork unit, IdempotencyKey key, Fingerprint fingerprint, Instant keepUntil, Work<X> work)
      throws X {
    StoredReply reply = work.run(unit);
    if (reply.body().length > replyBytesMax) {
      throw failed(
          key,
          "the reply has "
              + reply.body().length
              + " bytes (expected: at most "
              + replyBytesMax
              + ")",
          "Answer with less, or raise replyBytesMax",
          null);
    }
    Instant keptFrom = later(keptFrom(key), keepUntil);
    Pending pending = new Pending(key, fingerprint, keptFrom, work, reply);
    unit.record(recorder, pending);
    return () -> new Executed(pending.reply);
  }

  private Optional<Receipt> look(
      UnitOfWork unit, IdempotencyKey key, Fingerprint fingerprint, @Nullable Work<?> work) {
    try {
      StatementBatch batch = new StatementBatch(unit.connection());
      Supplier<ReplyStore.Known> known = store.look(batch, key, fingerprint, createdAt(key));
      if (work != null) {
        work.ask(unit, batch);
      }
      batch.run();
      return switch (known.get()) {
        case ReplyStore.Known.Free free -> Optional.empty();
        case ReplyStore.Known.Taken taken -> rejected(Rejection.STILL_RUNNING);
        case ReplyStore.Known.Forgotten forgotten -> rejected(Rejection.FORGOTTEN);
        case ReplyStore.Known.Replied replied ->
            replied.sameRequest()
                ? Optional.of(new Replayed(replied.reply()))
                : rejected(Rejection.OTHER_REQUEST);
      };
    } catch (SQLException e) {
      throw failed(key, String.valueOf(e.getMessage()), "Repeat the call under the same key", e);
    }
  }

  private static Optional<Receipt> rejected(Rejection reason) {
    return Optional.of(new Rejected(reason));
  }

  private Optional<Instant> createdAt(IdempotencyKey key) {
    Instant latest = clock.instant().plus(AHEAD_MAX);
    return key.createdAt().filter(time -> !time.isAfter(latest));
  }

  private Instant keptFrom(IdempotencyKey key) {
    Instant now = clock.instant();
    return createdAt(key).filter(time -> time.isAfter(now)).orElse(now);
  }

  private static Instant later(Instant one, Instant other) {
    return one.isAfter(other) ? one : other;
  }

  private MessagingException failed(
      IdempotencyKey key, String reason, String advice, @Nullable Throwable cause) {
    String message =
        "Could not handle a call "
            + key
            + " in service "
            + transactions.database().service()
            + ": "
            + reason
            + ". "
            + advice
            + ".";
    return cause == null ? new MessagingException(message) : new MessagingException(message, cause);
  }
}
