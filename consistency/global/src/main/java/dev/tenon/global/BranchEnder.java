package dev.tenon.global;

import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.HeldMessages;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends branches. What the rules say is done while the branch's row is locked, in one commit with
 * the row's change; who finds it locked says so and does nothing. Each branch whose end runs the
 * application's code has a commit of its own, so that one that fails holds no other.
 */
final class BranchEnder {
  private static final Logger log = LoggerFactory.getLogger(BranchEnder.class);
  private static final int RACES_MAX = 3;

  private final ParticipantParts parts;
  private final Transactions transactions;
  private final BranchTypes types;
  private final BranchStore store;

  BranchEnder(ParticipantParts parts, BranchTypes types, BranchStore store) {
    this.parts = parts;
    this.transactions = parts.transactions();
    this.types = types;
    this.store = store;
  }

  /**
   * A branch to be ended.
   *
   * @param rule what the rules say of its state
   */
  record Task(
      BranchRow.Key key,
      String header,
      Optional<UUID> branch,
      Function<BranchState, Protocol.Action> rule) {}

  /** The application's code has failed. */
  private static final class EndFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    EndFailedException(Exception cause) {
      super(cause);
    }
  }

  List<OrderResult> finish(String caller, List<BranchOrder> orders) {
    if (orders.size() > GlobalTransport.BATCH_MAX) {
      throw new IllegalArgumentException(
          "orders: " + orders.size() + " (expected: at most " + GlobalTransport.BATCH_MAX + ")");
    }
    List<Task> tasks = orders.stream().map(order -> task(caller, order)).toList();
    return end(tasks);
  }

  private Task task(String caller, BranchOrder order) {
    SignedXid signed = SignedXid.verify(order.xid(), parts.signer());
    Xid xid = signed.xid();
    if (!xid.starter().equals(caller)) {
      throw new IllegalArgumentException(
          "caller: " + caller + " (expected: " + xid.starter() + ", which started " + xid + ")");
    }
    Optional<UUID> branch = Optional.ofNullable(order.branch());
    if (branch.isEmpty() && order.outcome() == Outcome.COMMITTED) {
      throw new IllegalArgumentException(
          "branch: none (expected: the id of the branch to be confirmed)");
    }
    BranchRow.Key key = new BranchRow.Key(xid, Branch.requireStep(order.step()));
    return new Task(
        key, signed.header(), branch, state -> Protocol.onDecision(state, order.outcome(), branch));
  }

  /** Ends branches, and says what became of each. */
  List<OrderResult> end(List<Task> tasks) {
    @Nullable OrderResult[] results = new OrderResult[tasks.size()];
    if (tasks.size() > 1) {
      together(tasks, results);
    }
    List<OrderResult> all = new ArrayList<>();
    for (int i = 0; i < results.length; i++) {
      OrderResult known = results[i];
      all.add(known == null ? alone(tasks.get(i)) : known);
    }
    return all;
  }

  /** Does in one commit what runs no code of the application. */
  private void together(List<Task> tasks, @Nullable OrderResult[] results) {
    @Nullable OrderResult[] done = new OrderResult[results.length];
    try {
      transactions.run(
          unit -> {
            List<BranchRow.Key> keys = tasks.stream().map(Task::key).distinct().toList();
            Map<BranchRow.Key, BranchStore.Found> found = store.lock(unit.connection(), keys);
            for (int i = 0; i < done.length; i++) {
              // Of two orders about one branch, the second sees what the first has left behind.
              BranchStore.Found one = found.remove(tasks.get(i).key());
              if (one != null) {
                done[i] = quickly(unit, tasks.get(i), one);
              }
            }
          });
      System.arraycopy(done, 0, results, 0, done.length);
    } catch (RuntimeException | SQLException e) {
      log.atDebug().setCause(e).log("branches not ended together; each is tried alone");
    }
  }

  private @Nullable OrderResult quickly(UnitOfWork unit, Task task, BranchStore.Found found)
      throws SQLException {
    Optional<BranchRow> row = row(found);
    if (found instanceof BranchStore.Found.Busy) {
      return OrderResult.LATER;
    }
    Protocol.Action action = task.rule().apply(state(row));
    boolean slow =
        switch (action) {
          case UNDO, UNDO_IN_TRY -> true;
          case CONFIRM ->
              row.flatMap(BranchRow::work).map(work -> work.kind() != BranchKind.SAGA).orElse(true);
          case BAR, ACKNOWLEDGE, WAIT, PARK, PARKED, LOST, CONFLICT -> false;
        };
    if (slow) {
      return null;
    }
    try {
      return carryOut(unit, task, row, action);
    } catch (RacedException e) {
      return null;
    }
  }

  /** A try has come between the look and the insert. */
  private static final class RacedException extends Exception {
    private static final long serialVersionUID = 1L;
  }

  private OrderResult alone(Task task) {
    for (int race = 1; race <= RACES_MAX; race++) {
      try {
        return transactions.<OrderResult, Exception>call(
            unit -> {
              BranchStore.Found found = store.lock(unit.connection(), task.key());
              return found instanceof BranchStore.Found.Busy
                  ? OrderResult.LATER
                  : carryOut(unit, task, row(found), task.rule().apply(state(row(found))));
            });
      } catch (RacedException e) {
        log.atDebug().addKeyValue("step", task.key().step()).log("a try came first");
      } catch (UnknownCommitOutcomeException e) {
        return later(task, e);
      } catch (Exception e) {
        return later(task, e);
      }
    }
    return OrderResult.LATER;
  }

  private static OrderResult later(Task task, Exception reason) {
    log.atInfo()
        .addKeyValue("xid", task.key().xid())
        .addKeyValue("step", task.key().step())
        .addKeyValue("reason", reason.toString())
        .log("branch not ended now; it is tried again");
    return OrderResult.LATER;
  }

  private static Optional<BranchRow> row(BranchStore.Found found) {
    return found instanceof BranchStore.Found.Row locked
        ? Optional.of(locked.row())
        : Optional.empty();
  }

  private static BranchState state(Optional<BranchRow> row) {
    return row.map(BranchRow::state).orElse(new BranchState.Absent());
  }

  private OrderResult carryOut(
      UnitOfWork unit, Task task, Optional<BranchRow> row, Protocol.Action action)
      throws SQLException, RacedException {
    return switch (action) {
      case CONFIRM -> end(unit, row.orElseThrow(), Outcome.COMMITTED);
      case UNDO -> end(unit, row.orElseThrow(), Outcome.ABORTED);
      case BAR -> {
        if (!store.bar(unit.connection(), task.key(), task.header(), parts.now())) {
          throw new RacedException();
        }
        yield OrderResult.DONE;
      }
      case ACKNOWLEDGE -> OrderResult.DONE;
      case UNDO_IN_TRY, PARK, WAIT -> OrderResult.LATER;
      case PARKED -> OrderResult.PARKED;
      case LOST -> OrderResult.LOST;
      case CONFLICT -> OrderResult.CONFLICT;
    };
  }

  private OrderResult end(UnitOfWork unit, BranchRow row, Outcome outcome) throws SQLException {
    BranchRow.Work work = row.work().orElseThrow();
    HeldMessages held = parts.messaging().heldMessages();
    switch (outcome) {
      case COMMITTED -> held.release(unit, row.known());
      case ABORTED -> {
        held.drop(unit, row.known());
        parts
            .messaging()
            .receiver()
            .forget(unit, LocalParticipant.replyKey(row.key(), work.caller()));
      }
    }
    try (Scope.Entered left = Scope.leave()) {
      types.end(work, outcome, unit);
    } catch (Exception e) {
      throw new EndFailedException(e);
    }
    store.close(unit.connection(), row.key(), outcome, parts.now());
    return OrderResult.DONE;
  }
}
