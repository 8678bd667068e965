package dev.tenon.messaging;

import dev.tenon.messaging.Receipt.Executed;
import dev.tenon.messaging.ReceiverCrashIT.Parts;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.BatchRecorder;
import dev.tenon.transaction.spi.StatementBatch;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Supplier;

/** Receivers with a mistake each, which the tests must find. */
final class PlantedReceivers {
  private PlantedReceivers() {}

  /** Only what the tests call. */
  private abstract static class PlantedReceiver implements IdempotentReceiver {
    @Override
    public <X extends Exception> Receipt handle(
        IdempotencyKey key, Fingerprint fingerprint, Instant keepUntil, Work<X> work) throws X {
      return handle(key, fingerprint, work);
    }

    @Override
    public void forget(UnitOfWork unit, IdempotencyKey key) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Optional<StoredReply> find(IdempotencyKey key) {
      throw new UnsupportedOperationException();
    }
  }

  /** Stores the reply after the effects, by a commit of its own. */
  static Parts storingLater(Parts parts) {
    ReplyStore store = new ReplyStore(new TenonTables("tenon"));
    BatchRecorder<ReplyStore.Entry> recorder = new BatchRecorder<>(store::store);
    IdempotentReceiver planted =
        new PlantedReceiver() {
          @Override
          public <X extends Exception> Receipt handle(
              IdempotencyKey key, Fingerprint fingerprint, Work<X> work) throws X {
            Optional<Receipt> known =
                parts.transactions().call(unit -> known(store, unit, key, fingerprint));
            if (known.isPresent()) {
              return known.get();
            }
            StoredReply reply;
            try {
              reply = parts.transactions().<StoredReply, X>call(work::run);
            } catch (RefusalException refusal) {
              reply = refusal.reply();
            }
            ReplyStore.Entry entry = new ReplyStore.Entry(key, fingerprint, reply, Instant.EPOCH);
            parts.transactions().run(unit -> unit.record(recorder, entry));
            return new Executed(reply);
          }
        };
    return new Parts(planted, parts.transactions());
  }

  private static Optional<Receipt> known(
      ReplyStore store, UnitOfWork unit, IdempotencyKey key, Fingerprint fingerprint) {
    try {
      StatementBatch batch = new StatementBatch(unit.connection());
      Supplier<ReplyStore.Known> known = store.look(batch, key, fingerprint, Optional.empty());
      batch.run();
      return known.get() instanceof ReplyStore.Known.Replied replied
          ? Optional.of(
              replied.sameRequest()
                  ? new Receipt.Replayed(replied.reply())
                  : new Receipt.Rejected(Receipt.Rejection.OTHER_REQUEST))
          : Optional.empty();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Answers with a refusal and does not keep it. */
  static Parts forgettingRefusals(Parts parts) {
    IdempotentReceiver planted =
        new PlantedReceiver() {
          @Override
          public <X extends Exception> Receipt handle(
              IdempotencyKey key, Fingerprint fingerprint, Work<X> work) throws X {
            StoredReply[] refused = new StoredReply[1];
            try {
              return parts
                  .receiver()
                  .<X>handle(
                      key,
                      fingerprint,
                      unit -> {
                        try {
                          return work.run(unit);
                        } catch (RefusalException refusal) {
                          refused[0] = refusal.reply();
                          throw new IllegalStateException(refusal);
                        }
                      });
            } catch (IllegalStateException e) {
              if (refused[0] == null) {
                throw e;
              }
              return new Executed(refused[0]);
            }
          }
        };
    return new Parts(planted, parts.transactions());
  }

  /** Takes every call under a key for the same. */
  static Parts ignoringFingerprints(Parts parts) {
    IdempotentReceiver planted =
        new PlantedReceiver() {
          @Override
          public <X extends Exception> Receipt handle(
              IdempotencyKey key, Fingerprint fingerprint, Work<X> work) throws X {
            return parts.receiver().handle(key, Fingerprint.ofBytes("", new byte[0]), work);
          }
        };
    return new Parts(planted, parts.transactions());
  }
}
