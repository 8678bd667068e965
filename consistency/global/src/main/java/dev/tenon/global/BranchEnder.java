package dev.tenon.global;

import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.HeldMessages;
import dev.tenon.messaging.Messaging;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.BatchRecorder;
import dev.tenon.transaction.spi.StatementBatch;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends branches. What the rules say is done while the branch's row is locked, in one commit with
 * the row's change; who finds it locked says so and does nothing. Many are confirmed in one commit;
 * if that fails, each has one of its own, so that one that fails holds no other. What the
 * application's code undoes has a commit of its own always.
 */
final class BranchEnder {
  private static final Logger log = LoggerFactory.getLogger(BranchEnder.class);
  private static final int RACES_MAX = 3;
  private static final int ERROR_LENGTH_MAX = 2000;

  /** The most branches that the application's code confirms in one commit. */
  private static final int CONFIRMS_MAX = 32;

  /** How long a commit of many waits for a lock, which others could wait for, too. */
  private static final String LIMIT = "SET LOCAL lock_timeout = '200ms'";

  private final ParticipantParts parts;
  private final Transactions transactions;
  private final BranchTypes types;
  private final BranchStore store;
  private final BranchMetrics metrics;
  private final XaBranches xa;
  private final AutomaticBranches automatic;
  private final BatchRecorder<Closing> closer = new BatchRecorder<>(this::close);
  private final BatchRecorder<UUID> release;

  BranchEnder(
      ParticipantParts parts,
      BranchTypes types,
      BranchStore store,
      AutomaticBranches automatic,
      BranchMetrics metrics) {
    this.xa = new XaBranches(parts, metrics);
    this.parts = parts;
    this.automatic = automatic;
    this.release = new BatchRecorder<>(automatic::release);
    this.transactions = parts.transactions();
    this.types = types;
    this.store = store;
    this.metrics = metrics;
  }

  /** Whether a branch whose end has failed before is tried again already. */
  enum Turn {
    /** Now: it is due, or somebody says so. */
    NOW,
    /** Not before the wait after the last failure is over. */
    WHEN_DUE
  }

  /**
   * A branch to be ended.
   *
   * @param header the signed xid
   * @param rule what the rules say of its state
   */
  record Task(
      BranchRow.Key key, String header, Function<BranchState, Protocol.Action> rule, Turn turn) {}

  /** A branch that ends with a unit of work. */
  private record Closing(BranchRow.Key key, Outcome outcome) {}

  private void close(StatementBatch batch, List<Closing> ended) {
    Instant now = parts.now();
    ended.forEach(one -> store.close(batch, one.key(), one.outcome(), now));
  }

  /** What an attempt that failed had tried. */
  private static final class Attempt {
    private @Nullable Outcome outcome;
  }

  /** A try has come between the look and the insert. */
  private static final class RacedException extends Exception {
    private static final long serialVersionUID = 1L;
  }

  List<OrderResult> finish(String caller, List<BranchOrder> orders) {
    if (orders.size() > GlobalTransport.BATCH_MAX) {
      throw new IllegalArgumentException(
          "orders: " + orders.size() + " (expected: at most " + GlobalTransport.BATCH_MAX + ")");
    }
    List<Task> tasks = orders.stream().map(order -> task(caller, order)).toList();
    @Nullable OrderResult[] results = new OrderResult[tasks.size()];
    List<BranchRow.Key> keys = tasks.stream().map(Task::key).toList();
    xa.end(keys, orders, results);
    return end(tasks, results);
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
    return new Task(key, signed.header(), told(branch, order.outcome()), Turn.WHEN_DUE);
  }

  /** Ends one that is prepared; what was aborted is barred, if its step is known. */
  OrderResult end(Gid gid, Outcome outcome) throws SQLException {
    Optional<OrderResult> ended = xa.end(gid, outcome);
    return ended.isPresent()
        ? ended.get()
        : alone(
            new Task(
                gid.key(),
                gid.signed().header(),
                told(Optional.of(gid.branch()), outcome),
                Turn.NOW));
  }

  XaBranches xa() {
    return xa;
  }

  /** What the rules say when the decision is known. */
  static Function<BranchState, Protocol.Action> told(Optional<UUID> branch, Outcome outcome) {
    return state -> Protocol.onDecision(state, outcome, branch);
  }

  /** Ends branches, and says what became of each. */
  List<OrderResult> end(List<Task> tasks) {
    return end(tasks, new OrderResult[tasks.size()]);
  }

  private List<OrderResult> end(List<Task> tasks, @Nullable OrderResult[] results) {
    boolean more = Stream.of(results).filter(Objects::isNull).count() > 1;
    while (more) {
      more = together(tasks, results);
    }
    List<OrderResult> all = new ArrayList<>();
    for (int i = 0; i < results.length; i++) {
      OrderResult known = results[i];
      all.add(known == null ? alone(tasks.get(i)) : known);
    }
    return all;
  }

  /**
   * Ends branches in one commit, but those that the application's code undoes. If one of them
   * fails, none is ended here, and each is tried alone then.
   *
   * @return whether some were left for the next commit
   */
  private boolean together(List<Task> tasks, @Nullable OrderResult[] results) {
    @Nullable OrderResult[] done = results.clone();
    int[] confirms = new int[1];
    try {
      transactions.run(
          unit -> {
            Set<BranchRow.Key> keys = new LinkedHashSet<>();
            for (int i = 0; i < done.length; i++) {
              if (done[i] == null) {
                keys.add(tasks.get(i).key());
              }
            }
            StatementBatch batch = new StatementBatch(unit.connection());
            batch.change(LIMIT, 0, (limit, first) -> {}, rows -> {});
            Map<BranchRow.Key, BranchStore.Found> found = store.lock(batch, List.copyOf(keys));
            for (int i = 0; i < done.length; i++) {
              // Of two orders about one branch, the second sees what the first has left behind.
              BranchStore.Found one = done[i] == null ? found.remove(tasks.get(i).key()) : null;
              if (one != null) {
                done[i] = quickly(unit, tasks.get(i), one, confirms);
              }
            }
          });
      System.arraycopy(done, 0, results, 0, done.length);
      return confirms[0] > CONFIRMS_MAX;
    } catch (RuntimeException | SQLException e) {
      log.atDebug().setCause(e).log("branches not ended together; each is tried alone");
      return false;
    }
  }

  private @Nullable OrderResult quickly(
      UnitOfWork unit, Task task, BranchStore.Found found, int[] confirms) throws SQLException {
    if (found instanceof BranchStore.Found.Busy) {
      return OrderResult.LATER;
    }
    Optional<BranchRow> row = row(found);
    Protocol.Action action = task.rule().apply(state(row));
    if (runsCode(action, row)) {
      boolean failed = row.filter(one -> one.counts().attempts() > 0).isPresent();
      if (action != Protocol.Action.CONFIRM || failed) {
        return null;
      }
      confirms[0]++;
      if (confirms[0] > CONFIRMS_MAX) {
        return null;
      }
    }
    try {
      return carryOut(unit, task, found, action, new Attempt());
    } catch (RacedException e) {
      return null;
    }
  }

  private static boolean runsCode(Protocol.Action action, Optional<BranchRow> row) {
    return switch (action) {
      case UNDO, UNDO_IN_TRY -> true;
      case CONFIRM ->
          row.flatMap(BranchRow::work).map(work -> work.kind() == BranchKind.TCC).orElse(true);
      case BAR, ACKNOWLEDGE, WAIT, PARK, PARKED, LOST, CONFLICT -> false;
    };
  }

  /** Ends one branch in a commit of its own. */
  OrderResult alone(Task task) {
    for (int race = 1; race <= RACES_MAX; race++) {
      Attempt attempt = new Attempt();
      try {
        return transactions.<OrderResult, Exception>call(unit -> once(unit, task, attempt));
      } catch (RacedException e) {
        log.atDebug().addKeyValue("step", task.key().step()).log("a try came first");
      } catch (Exception e) {
        Outcome outcome = attempt.outcome;
        if (!Passing.isRace(e) || race == RACES_MAX) {
          return outcome == null || Passing.is(e) ? later(task, e) : failed(task, outcome, e);
        }
      }
    }
    return OrderResult.LATER;
  }

  private OrderResult once(UnitOfWork unit, Task task, Attempt attempt) throws Exception {
    BranchStore.Found found = store.lock(unit.connection(), task.key());
    if (found instanceof BranchStore.Found.Busy) {
      return OrderResult.LATER;
    }
    Optional<BranchRow> row = row(found);
    Protocol.Action action = task.rule().apply(state(row));
    if (task.turn() == Turn.WHEN_DUE
        && runsCode(action, row)
        && row.filter(this::waits).isPresent()) {
      return OrderResult.LATER;
    }
    return carryOut(unit, task, found, action, attempt);
  }

  private boolean waits(BranchRow row) {
    return row.wanted().isPresent()
        && row.counts().attempts() > 0
        && row.times().nextAt().filter(parts.now()::isBefore).isPresent();
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
      UnitOfWork unit, Task task, BranchStore.Found found, Protocol.Action action, Attempt attempt)
      throws SQLException, RacedException {
    return switch (action) {
      case CONFIRM -> end(unit, required(found, task), Outcome.COMMITTED, attempt);
      case UNDO -> end(unit, required(found, task), Outcome.ABORTED, attempt);
      case UNDO_IN_TRY -> undoInTry(unit, required(found, task).row(), attempt);
      case BAR -> {
        XaBranches.limitWait(unit.connection());
        if (!store.bar(unit.connection(), task.key(), task.header(), parts.now())) {
          throw new RacedException();
        }
        yield OrderResult.DONE;
      }
      case PARK -> park(unit, required(found, task).row());
      case ACKNOWLEDGE -> OrderResult.DONE;
      case WAIT -> OrderResult.LATER;
      case PARKED -> OrderResult.PARKED;
      case LOST -> OrderResult.LOST;
      case CONFLICT -> OrderResult.CONFLICT;
    };
  }

  private static BranchStore.Found.Row required(BranchStore.Found found, Task task) {
    if (found instanceof BranchStore.Found.Row row) {
      return row;
    }
    throw new IllegalStateException(
        "Could not end the branch "
            + task.key().step()
            + " of "
            + task.key().xid()
            + ": it is gone. Look whether this database was restored.");
  }

  private OrderResult end(
      UnitOfWork unit, BranchStore.Found.Row found, Outcome outcome, Attempt attempt)
      throws SQLException {
    BranchRow row = found.row();
    boolean kept = row.work().filter(work -> work.kind() == BranchKind.AT).isPresent();
    if (kept
        && outcome == Outcome.ABORTED
        && automatic.isFollowed(unit.connection(), row.known())) {
      return OrderResult.LATER; // what the same transaction has changed later goes back first
    }
    attempt.outcome = outcome;
    if (outcome == Outcome.ABORTED || found.holds()) {
      settle(parts.messaging(), unit, row, outcome);
    }
    unit.record(closer, new Closing(row.key(), outcome));
    if (kept) {
      if (outcome == Outcome.ABORTED) {
        automatic.undo(unit.connection(), row);
      }
      unit.record(release, row.known());
      unit.afterCommit(automatic::released);
    } else {
      runCode(unit, row, outcome);
    }
    unit.afterCommit(() -> metrics.ended(outcome));
    return OrderResult.DONE;
  }

  /** Sends what was held back, or takes back what was said. */
  static void settle(Messaging messaging, UnitOfWork unit, BranchRow row, Outcome outcome)
      throws SQLException {
    HeldMessages held = messaging.heldMessages();
    switch (outcome) {
      case COMMITTED -> held.release(unit, row.known());
      case ABORTED -> {
        held.drop(unit, row.known());
        String caller = row.work().orElseThrow().caller();
        messaging.receiver().forget(unit, LocalParticipant.replyKey(row.key(), caller));
      }
    }
  }

  /** The try is under way: it is undone now, and once more when it has ended. */
  private OrderResult undoInTry(UnitOfWork unit, BranchRow row, Attempt attempt)
      throws SQLException {
    attempt.outcome = Outcome.ABORTED;
    runCode(unit, row, Outcome.ABORTED);
    Instant now = parts.now();
    Instant dead = row.times().tryUntil().filter(now::isBefore).orElse(now);
    store.change(
        unit.connection(),
        row.key(),
        new BranchStore.Change(
            BranchRow.Stored.CANCELLED_IN_TRY,
            Optional.of(Outcome.ABORTED),
            Optional.of(dead),
            BranchRow.Counts.NONE,
            Optional.empty()));
    return OrderResult.DONE;
  }

  private OrderResult park(UnitOfWork unit, BranchRow row) throws SQLException {
    String why = "service " + row.key().xid().starter() + " cannot say any more how it ends";
    store.change(
        unit.connection(),
        row.key(),
        new BranchStore.Change(
            BranchRow.Stored.PARKED,
            Optional.empty(),
            Optional.empty(),
            row.counts(),
            Optional.of(why)));
    unit.afterCommit(() -> parked(row.key(), why));
    return OrderResult.PARKED;
  }

  private void parked(BranchRow.Key key, String why) {
    metrics.parked();
    log.atWarn()
        .addKeyValue("xid", key.xid())
        .addKeyValue("step", key.step())
        .addKeyValue("reason", why)
        .log("branch parked; it waits for a person");
  }

  private void runCode(UnitOfWork unit, BranchRow row, Outcome outcome) {
    try (Scope.Entered left = Serving.leave()) {
      types.end(row.work().orElseThrow(), outcome, unit);
    }
  }

  /** Keeps what went wrong; nothing else was committed. */
  private OrderResult failed(Task task, Outcome outcome, Exception failure) {
    metrics.failed();
    try {
      return transactions.<OrderResult, SQLException>call(
          unit -> {
            BranchStore.Found found = store.lock(unit.connection(), task.key());
            return found instanceof BranchStore.Found.Row locked
                ? noted(unit, locked.row(), outcome, failure)
                : OrderResult.LATER;
          });
    } catch (RuntimeException | SQLException e) {
      e.addSuppressed(failure);
      return later(task, e);
    }
  }

  private OrderResult noted(UnitOfWork unit, BranchRow row, Outcome outcome, Exception failure)
      throws SQLException {
    if (row.state() instanceof BranchState.Closed) {
      return OrderResult.LATER; // somebody else has ended it meanwhile
    }
    int attempts = row.counts().attempts() + 1;
    String error = error(failure);
    boolean last =
        attempts >= parts.config().undoAttemptsMax()
            || AutomaticBranches.is(failure, AutomaticBranches.DIRTY);
    BranchRow.Stored open =
        row.stored() == BranchRow.Stored.PARKED ? BranchRow.Stored.OPEN : row.stored();
    Instant next =
        parts.now().plus(parts.config().endBackoff().after(attempts, parts.runtime().random()));
    store.change(
        unit.connection(),
        row.key(),
        new BranchStore.Change(
            last ? BranchRow.Stored.PARKED : open,
            Optional.of(outcome),
            last ? Optional.empty() : Optional.of(next),
            new BranchRow.Counts(row.counts().asked(), attempts),
            Optional.of(error)));
    unit.afterCommit(
        () -> {
          if (last) {
            parked(row.key(), error);
          } else {
            later(row.key(), error);
          }
        });
    return last ? OrderResult.PARKED : OrderResult.LATER;
  }

  private static void later(BranchRow.Key key, String error) {
    log.atInfo()
        .addKeyValue("xid", key.xid())
        .addKeyValue("step", key.step())
        .addKeyValue("reason", error)
        .log("a branch's end has failed; it is tried again");
  }

  private static String error(Exception failure) {
    Throwable root =
        failure instanceof BranchTypes.EndFailedException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    String text = AutomaticBranches.sentence(root).orElseGet(root::toString);
    return text.length() > ERROR_LENGTH_MAX ? text.substring(0, ERROR_LENGTH_MAX) : text;
  }
}
