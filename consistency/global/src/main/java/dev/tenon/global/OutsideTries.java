package dev.tenon.global;

import dev.tenon.global.BranchRefusedException.Reason;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.RefusalException;
import dev.tenon.messaging.StoredReply;
import dev.tenon.transaction.UnitOfWork;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Optional;

/**
 * Tries that are no local commit. A row says that one is under way; another commit says that it has
 * ended, with the reply. Between the two nothing is locked, and the branch may be undone.
 */
final class OutsideTries {
  private final ParticipantParts parts;
  private final BranchTypes types;
  private final BranchStore store;
  private final BranchEnder ender;
  private final LocalParticipant participant;

  OutsideTries(
      ParticipantParts parts,
      BranchTypes types,
      BranchStore store,
      BranchEnder ender,
      LocalParticipant participant) {
    this.parts = parts;
    this.types = types;
    this.store = store;
    this.ender = ender;
    this.participant = participant;
  }

  /** The branch was undone during the try, and is to be undone once more. */
  private static final class UndoneException extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  <T, X extends Exception> Receipt handle(
      Serving serving,
      Fingerprint fingerprint,
      Participant.OutsideBranch<T> branch,
      Participant.OutsideTry<X> work)
      throws X {
    if (parts.transactions().current().isPresent()) {
      throw new IllegalStateException(
          "Could not handle the call "
              + serving.call().step()
              + ": a transaction is open. Handle it outside of one.");
    }
    Optional<BranchRow> begun = begin(serving, branch);
    if (begun.isEmpty()) {
      return participant.again(serving, fingerprint);
    }
    StoredReply reply;
    try (Scope.Entered entered = serving.enter()) {
      reply = work.run();
    } catch (RefusalException refusal) {
      return refused(serving, fingerprint, refusal);
    } catch (Throwable failure) {
      failed(serving, begun.get(), failure);
      throw failure;
    }
    try {
      return participant.receive(serving, fingerprint, unit -> ended(serving, unit, reply));
    } catch (UndoneException e) {
      undoOnceMore(serving, begun.get());
      throw BranchReplies.refused(serving.key(), Reason.OVER);
    }
  }

  /** Stores that the try is under way; empty if it may not be made, as a call has ended before. */
  private <T> Optional<BranchRow> begin(Serving serving, Participant.OutsideBranch<T> outside) {
    BranchRow.Work work = types.work(outside.type(), outside.argument(), serving.call());
    Branch branch = participant.branch(serving, outside.type());
    Instant until = parts.now().plus(outside.atMost());
    BranchRow row =
        participant.row(serving, branch, work, BranchRow.Stored.TRYING, Optional.of(until));
    boolean begun =
        call(
            serving,
            unit -> {
              Optional<BranchRow> found = store.look(unit.connection(), serving.key());
              if (found.filter(one -> one.stored() != BranchRow.Stored.TRYING).isPresent()) {
                return false;
              }
              participant.requireOpenable(serving.key(), unit.connection());
              if (!store.insert(unit.connection(), row)) {
                throw BranchReplies.refused(serving.key(), Reason.STILL_RUNNING);
              }
              return true;
            });
    if (!begun) {
      return Optional.empty();
    }
    serving.opened(branch);
    return Optional.of(row);
  }

  /** The try has done what it does. */
  private StoredReply ended(Serving serving, UnitOfWork unit, StoredReply reply) {
    return settled(
        serving,
        () -> {
          Optional<BranchRow> found = store.await(unit.connection(), serving.key());
          if (isUndone(found)) {
            throw new UndoneException();
          }
          BranchRow row = found.orElseThrow();
          if (Protocol.onTryEnded(row.state()) != Protocol.Action.ACKNOWLEDGE) {
            throw BranchReplies.refused(serving.key(), Reason.OVER);
          }
          store.change(
              unit.connection(),
              row.key(),
              new BranchStore.Change(
                  BranchRow.Stored.OPEN,
                  Optional.empty(),
                  Optional.of(parts.now().plus(parts.config().askAfter())),
                  row.counts(),
                  Optional.empty()));
          return BranchReplies.named(reply, serving.listing());
        });
  }

  /** Whether the branch was undone during its try, or was to be, and that failed. */
  private static boolean isUndone(Optional<BranchRow> row) {
    BranchState state = row.map(BranchRow::state).orElse(new BranchState.Absent());
    return Protocol.onTryEnded(state) == Protocol.Action.UNDO
        || row.filter(found -> found.stored() == BranchRow.Stored.TRYING)
            .flatMap(BranchRow::wanted)
            .isPresent();
  }

  /** The try did nothing: there is nothing to undo, and the refusal is the reply. */
  private Receipt refused(Serving serving, Fingerprint fingerprint, RefusalException refusal) {
    return participant.<RuntimeException>receive(
        serving,
        fingerprint,
        unit ->
            settled(
                serving,
                () -> {
                  Optional<BranchRow> row = store.await(unit.connection(), serving.key());
                  if (row.filter(found -> !(found.state() instanceof BranchState.Closed))
                      .isPresent()) {
                    store.close(unit.connection(), serving.key(), Outcome.ABORTED, parts.now());
                  }
                  return BranchReplies.named(refusal.reply(), serving.dropped());
                }));
  }

  /** Nobody knows what the try did. If this is not stored, an inquiry finds it out. */
  private void failed(Serving serving, BranchRow begun, Throwable failure) {
    try {
      undoOnceMore(serving, begun);
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  /** Stores that the branch is to be undone, and undoes it; its row may be gone, or closed. */
  private void undoOnceMore(Serving serving, BranchRow begun) {
    call(
        serving,
        unit -> {
          Optional<BranchRow> found = store.await(unit.connection(), serving.key());
          boolean undo =
              isUndone(found)
                  || found.filter(row -> row.stored() == BranchRow.Stored.TRYING).isPresent();
          if (undo && (found.isPresent() || store.insert(unit.connection(), begun))) {
            store.change(
                unit.connection(),
                serving.key(),
                new BranchStore.Change(
                    BranchRow.Stored.CANCELLED_IN_TRY,
                    Optional.of(Outcome.ABORTED),
                    Optional.of(parts.now()),
                    BranchRow.Counts.NONE,
                    found.flatMap(BranchRow::error)));
          }
          return undo;
        });
    OrderResult unused =
        ender.alone(
            new BranchEnder.Task(
                serving.key(),
                serving.signed().header(),
                OutsideTries::onceMore,
                BranchEnder.Turn.NOW));
  }

  private static Protocol.Action onceMore(BranchState state) {
    return state instanceof BranchState.CancelledInTry
        ? Protocol.onTryEnded(state)
        : Protocol.Action.ACKNOWLEDGE;
  }

  /** Statements with an answer. */
  @FunctionalInterface
  private interface Statements<T> {
    T run() throws SQLException;
  }

  private static <T> T settled(Serving serving, Statements<T> statements) {
    try {
      return statements.run();
    } catch (SQLException e) {
      throw new GlobalTransactionException(
          "Could not store how the try "
              + serving.call().step()
              + " of "
              + serving.key().xid()
              + " stands: "
              + e.getMessage()
              + ". It is undone if the transaction does not know of it.",
          GlobalTransactionException.Told.UNKNOWN,
          e);
    }
  }

  /** Statements in a unit of work. */
  @FunctionalInterface
  private interface Work<T> {
    T run(UnitOfWork unit) throws SQLException;
  }

  private <T> T call(Serving serving, Work<T> work) {
    return parts
        .transactions()
        .<T, RuntimeException>call(unit -> settled(serving, () -> work.run(unit)));
  }
}
