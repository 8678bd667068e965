package dev.tenon.global;

import dev.tenon.global.SagaPause.Reason;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.runtime.BackgroundLoops;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.schema.Dialect;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What the runs of a service's sagas share.
 *
 * @param loops end all waits when they are stopped
 */
record SagaParts(
    Transactions transactions,
    IdempotentReceiver receiver,
    Participant participant,
    SagaDecider decider,
    SagaStore store,
    GlobalConfig config,
    TenonRuntime runtime,
    BackgroundLoops loops) {

  String service() {
    return transactions.database().service();
  }

  /** Until when the results of a saga's steps are kept. */
  Instant keepUntil(SagaStore.Row row) {
    return row.xid().deadline().plus(config.keep());
  }

  /** A committed saga may outlive its deadline, but not the results of its steps. */
  String tooLong(SagaStore.Row row, String step, Instant until) {
    return "step "
        + step
        + " waits until "
        + until
        + ", and the results of its steps are kept until "
        + keepUntil(row)
        + ". Give sagas of its type a longer timeout";
  }

  /** Waits; says whether the wait was not ended by closing. */
  boolean pause(Duration time) throws InterruptedException {
    return loops.pause(time);
  }

  /** Whether a failure is the database's, and no answer of the saga's own code. */
  boolean isPassing(RuntimeException failure) {
    if (failure instanceof UnknownCommitOutcomeException
        || lost(failure)
        || Dialect.connectionLostBehind(failure)) {
      return true;
    }
    SQLException cause = sql(failure);
    return cause != null
        && (transactions.database().dialect().connectionLost(cause)
            || transactions.database().dialect().repeatable(cause));
  }

  /** What a failure of the database means to a run. */
  Reason reason(Exception failure) {
    return lost(failure) ? new Reason.Lost() : new Reason.Later(failure);
  }

  private static boolean lost(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof SagaStore.LostException) {
        return true;
      }
    }
    return false;
  }

  private static @Nullable SQLException sql(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException found) {
        return found;
      }
    }
    return null;
  }
}
