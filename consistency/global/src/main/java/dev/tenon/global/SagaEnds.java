package dev.tenon.global;

import dev.tenon.global.SagaPause.Reason;
import dev.tenon.global.SagaStore.Change;
import dev.tenon.global.Sagas.State;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How runs of sagas are left: put aside, parked, aborted. Thread-safe. */
final class SagaEnds {
  private static final Logger log = LoggerFactory.getLogger(SagaEnds.class);
  private static final int ERROR_LENGTH_MAX = 2000;

  private final SagaParts parts;

  SagaEnds(SagaParts parts) {
    this.parts = parts;
  }

  /** Leaves a run as its reason says. */
  void carryOut(SagaRun run, SagaStore.Row row, Reason reason) {
    boolean unused = Thread.interrupted(); // the thread must reach the database
    switch (reason) {
      case Reason.Asleep asleep -> {}
      case Reason.Lost lost ->
          log.atInfo()
              .addKeyValue("saga", row.type() + "/" + row.id())
              .log("a run was given up: the saga is another instance's, or decided");
      case Reason.Park park -> park(run, row, park.why());
      case Reason.Later later -> again(run, row, run.failures(), describe(later.failure()));
      case Reason.Failed failed -> failed(run, row, describe(failed.failure()));
      case Reason.InDoubt inDoubt -> ask(run, row, inDoubt.failure());
      case Reason.Refused refused -> refused(run, row, describe(refused.refusal()));
    }
  }

  /** It came further before, so it is no answer of its code: the next run may get there again. */
  static Exception early(SagaRun run, Exception failure) {
    return new IllegalStateException(
        "it failed early: " + describe(failure) + "; " + run.diverged(), failure);
  }

  /** The pivot is repeated until there is an answer, however often. */
  private void ask(SagaRun run, SagaStore.Row row, Exception failure) {
    log.atWarn()
        .addKeyValue("saga", row.type() + "/" + row.id())
        .addKeyValue("attempts", run.attempts() + 1)
        .addKeyValue("reason", describe(failure))
        .log("nobody knows what became of a saga's pivot; it is repeated by itself");
    again(run, row, run.failures(), "what became of its pivot is not known: " + describe(failure));
  }

  /** The pivot was not done, and never will be. */
  private void refused(SagaRun run, SagaStore.Row row, String why) {
    try {
      run.commit(
          unit -> {
            parts.decider().answerPivot(unit, run.scope(), Outcome.ABORTED);
            run.last(unit, Change.end(State.ABORTED, shortened(why), null));
          });
    } catch (GlobalTransactionException e) {
      park(run, row, describe(e));
    }
  }

  /** What is not the code's fault is tried again for ever. */
  private void again(SagaRun run, SagaStore.Row row, int failures, String error) {
    int attempts = run.attempts() + 1;
    State state = isForward(run, row) ? State.FORWARD : State.RUNNING;
    put(run, row, Change.again(state, next(attempts), attempts, failures, shortened(error)));
  }

  private void failed(SagaRun run, SagaStore.Row row, String error) {
    int failures = run.failures() + 1;
    if (failures > parts.config().undoAttemptsMax()) {
      String when = isForward(run, row) ? " after it was committed" : "";
      park(run, row, "it failed " + failures + " times" + when + ": " + error);
    } else {
      again(run, row, failures, error);
    }
  }

  static boolean isForward(SagaRun run, SagaStore.Row row) {
    return run.isForward() || row.state() == State.FORWARD;
  }

  private Instant next(int attempts) {
    Duration wait = parts.config().endBackoff().after(attempts, parts.runtime().random());
    return parts.runtime().clock().instant().plus(wait);
  }

  /** Leaves it to a person. */
  void park(SagaRun run, SagaStore.Row row, String why) {
    log.atWarn()
        .addKeyValue("saga", row.type() + "/" + row.id())
        .addKeyValue("reason", why)
        .log("a saga is parked");
    put(run, row, Change.end(State.PARKED, shortened(why), null));
  }

  /** Changes the row; a failed run adds nothing to the history. */
  private void put(SagaRun run, SagaStore.Row row, Change change) {
    run.commit(unit -> parts.store().put(unit.connection(), row, change));
  }

  /** Aborts the saga; what was done is undone, the latest first. */
  void abort(SagaRun run, SagaStore.Row row, String why) {
    boolean unused = Thread.interrupted();
    try {
      run.commit(
          unit -> {
            List<Branch> opened = run.scope().ledger().branches();
            parts.decider().abort(unit, new SignedXid(row.xid(), row.header()), opened);
            run.last(unit, Change.end(State.ABORTED, shortened(why), null));
          });
    } catch (GlobalTransactionException e) {
      park(run, row, describe(e)); // nobody can say how it ended
    }
  }

  static String describe(Exception failure) {
    String message = failure.getMessage();
    return message == null ? failure.getClass().getName() : message;
  }

  private static String shortened(String text) {
    return text.length() <= ERROR_LENGTH_MAX ? text : text.substring(0, ERROR_LENGTH_MAX);
  }
}
