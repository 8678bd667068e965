package dev.tenon.global;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tenon.global.SagaPause.Reason;
import dev.tenon.global.SagaStore.Change;
import dev.tenon.runtime.Json;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One run of a saga's code, from the top. Results of steps that commit something are stored replies
 * of the service to itself; the row's history says which path was taken up to the last of them.
 */
final class SagaRun implements SagaScope {
  /** The most steps of one saga. */
  static final int STEPS_MAX = 1000;

  /** Ends the name of the step that stores how long a signal is awaited. */
  static final String UNTIL = ".until";

  private static final int CALL_ATTEMPTS_MAX = 3; // before the saga is put aside

  private final SagaParts parts;
  private final SagaStore.Row row;
  private final Scope scope;
  private final String fingerprint;
  private final SagaPath path = new SagaPath();
  private final SagaResults results;
  private boolean forward;
  private boolean inDoubt;
  private boolean wentOn;
  private @Nullable SagaPause left;

  SagaRun(SagaParts parts, SagaStore.Row row, String fingerprint) {
    this.parts = parts;
    this.row = row;
    this.fingerprint = fingerprint;
    this.inDoubt = row.inDoubt();
    this.scope = new Scope(row.xid(), row.header(), "");
    this.results = new SagaResults(parts, row, scope, this::leave);
    scope.nameCalls(
        () -> {
          throw new IllegalStateException(
              "Could not make a call in the saga "
                  + name()
                  + ": it is outside of a step."
                  + " Make it inside of SagaScope.call.");
        });
  }

  Scope scope() {
    return scope;
  }

  /** Why the code was left, also if it swallowed that. */
  Optional<Reason> left() {
    return Optional.ofNullable(left).map(SagaPause::reason);
  }

  boolean isForward() {
    return forward;
  }

  /** Runs before this one since a step was done. */
  int attempts() {
    return wentOn ? 0 : row.attempts();
  }

  /** Of those, the ones in which the code failed. */
  int failures() {
    return wentOn ? 0 : row.failures();
  }

  /** Whether a pivot was sent, and there is no answer yet. */
  boolean isInDoubt() {
    return inDoubt;
  }

  private String name() {
    return row.type() + "/" + row.id();
  }

  // Steps

  private String begin(String name) {
    SagaPause before = left;
    if (before != null) {
      throw before;
    }
    String step = path.take(name);
    if (path.length() > STEPS_MAX) {
      throw leave(new Reason.Park("it has more than " + STEPS_MAX + " steps"));
    }
    if (path.leaves(row.history())) {
      throw leave(new Reason.Park(diverged()));
    }
    return step;
  }

  /** Whether the code has not come as far as it came before. */
  boolean isShort() {
    return path.length() < row.history().size();
  }

  /** What is said of a path that is not the recorded one. */
  String diverged() {
    List<String> recorded = row.history();
    return "its code takes another path than it took before"
        + (fingerprint.equals(row.fingerprint())
            ? ", though it has not changed"
            : ", since it was changed")
        + ". Recorded: "
        + recorded
        + ". Now: "
        + path;
  }

  private SagaPause leave(Reason reason) {
    SagaPause pause = new SagaPause(reason);
    left = pause;
    return pause;
  }

  @Override
  public <T> T call(String name, Callable<T> call) throws Exception {
    String step = begin(name);
    if (forward) {
      throw leave(
          new Reason.Park(
              "step "
                  + step
                  + " calls, and it is committed: no branch opens after that. Call outside of"
                  + " call(), with key() as idempotency key"));
    }
    for (int attempt = 1; ; attempt++) {
      try {
        return once(step, call);
      } catch (Exception e) {
        if (isDefinite(step)) {
          throw e;
        }
        if (attempt >= CALL_ATTEMPTS_MAX || !waited(attempt)) {
          throw leave(new Reason.Later(e));
        }
      }
    }
  }

  private <T> T once(String step, Callable<T> call) throws Exception {
    boolean[] made = new boolean[1];
    scope.nameCalls(
        () -> {
          if (made[0]) {
            throw new IllegalStateException(
                "Could not make a second call in step "
                    + step
                    + " of the saga "
                    + name()
                    + ". Make it in a step of its own.");
          }
          made[0] = true;
          return step;
        });
    try {
      T answer = call.call();
      if (made[0] && !isDefinite(step)) {
        throw new IllegalStateException("the call of step " + step + " has no definite answer");
      }
      return answer;
    } catch (Exception e) {
      if (!made[0] && !scope.ledger().calls().containsKey(step)) {
        // Nothing was sent: the step's own code has failed, and will again.
        scope.update(known -> known.begun(step, parts.service()).answered(step, Listing.NONE));
      }
      throw e;
    }
  }

  private boolean isDefinite(String step) {
    return scope.ledger().calls().get(step) instanceof Ledger.Made.Answered;
  }

  private boolean waited(int attempt) {
    try {
      return parts.pause(parts.config().endBackoff().after(attempt, parts.runtime().random()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Override
  public <T, X extends Exception> T local(String name, Class<T> type, Transactions.Work<T, X> work)
      throws X {
    String step = begin(name);
    return stored(
        step,
        type,
        unit -> {
          T value = work.call(unit);
          last(unit, Change.goOn(state()));
          return value;
        });
  }

  @Override
  public <T> T external(String name, Class<T> type, Callable<T> work) throws Exception {
    String step = begin(name);
    // The work is outside of any commit: it is done again if its result was not stored.
    Optional<SagaResults.Known<T>> known = results.known(step, type);
    if (known.isPresent()) {
      return given(known.get());
    }
    T value;
    try (var outside = Scope.leave()) {
      value = work.call();
    }
    return this.<T, RuntimeException>stored(
        step,
        type,
        unit -> {
          last(unit, Change.goOn(state()));
          return value;
        });
  }

  @SuppressWarnings("NullAway") // a step whose work gives null gives null
  private static <T> T given(SagaResults.Known<T> known) {
    return known.value();
  }

  @Override
  public void sleep(String name, Duration time) {
    String step = begin(name);
    boolean[] asleep = new boolean[1];
    Instant wakeAt =
        this.<Instant, RuntimeException>stored(
            step,
            Instant.class,
            unit -> {
              Instant until = parts.runtime().clock().instant().plus(time);
              requireKept(step, until);
              last(unit, Change.sleep(state(), until, null));
              asleep[0] = true;
              return until;
            });
    if (!asleep[0] && parts.runtime().clock().instant().isBefore(wakeAt)) {
      commit(unit -> last(unit, Change.sleep(state(), wakeAt, null)));
      asleep[0] = true;
    }
    if (asleep[0]) {
      throw leave(new Reason.Asleep());
    }
  }

  private void requireKept(String step, Instant until) {
    if (forward && until.isAfter(parts.keepUntil(row))) {
      throw leave(new Reason.Park(parts.tooLong(row, step, until)));
    }
  }

  /** What an awaited signal came to. */
  record Awaited(boolean came, @Nullable JsonNode payload) {}

  @Override
  public <T> Optional<T> await(String signal, Class<T> type, Duration atMost) {
    Instant first = parts.runtime().clock().instant();
    String untilStep = begin(signal + UNTIL);
    Instant until =
        this.<Instant, RuntimeException>stored(
            untilStep,
            Instant.class,
            unit -> {
              requireKept(signal, first.plus(atMost));
              last(unit, Change.goOn(state()));
              return first.plus(atMost);
            });
    String step = begin(signal);
    Optional<SagaResults.Known<Awaited>> known = results.known(step, Awaited.class);
    Awaited awaited = known.isPresent() ? given(known.get()) : look(signal, step, until);
    JsonNode payload = awaited.payload();
    return awaited.came() && payload != null
        ? Optional.of(Json.mapper().treeToValue(payload, type))
        : Optional.empty();
  }

  /** The row is locked before the signal is looked for, so that none is sent in between. */
  private Awaited look(String signal, String step, Instant until) {
    Awaited[] found = new Awaited[1];
    commit(
        unit -> {
          parts.store().lock(unit.connection(), row);
          Optional<byte[]> payload = parts.store().signal(unit.connection(), row.xid(), signal);
          if (payload.isPresent()) {
            found[0] = new Awaited(true, Json.mapper().readTree(payload.get()));
          } else if (!parts.runtime().clock().instant().isBefore(until)) {
            found[0] = new Awaited(false, null);
          } else {
            path.giveBack();
            last(unit, Change.sleep(state(), until, signal));
          }
        });
    Awaited awaited = found[0];
    if (awaited == null) {
      throw leave(new Reason.Asleep());
    }
    return this.<Awaited, RuntimeException>stored(
        step,
        Awaited.class,
        unit -> {
          last(unit, Change.goOn(state()));
          return awaited;
        });
  }

  @Override
  public <T, X extends Exception> T commit(String name, Class<T> type, Transactions.Work<T, X> work)
      throws X {
    String step = begin(name);
    if (forward) {
      throw leave(new Reason.Park("step " + step + " commits, and the saga is committed already"));
    }
    T value =
        results.received(
            step,
            type,
            unit -> {
              T done = work.call(unit);
              parts.decider().commit(unit, scope);
              last(unit, Change.goOn(Sagas.State.FORWARD));
              return done;
            });
    committed();
    return value;
  }

  @Override
  public <T> T pivot(String name, Class<T> type, Pivot<T> pivot) {
    String step = begin(name);
    if (forward) {
      throw leave(
          new Reason.Park("step " + step + " is a pivot, and the saga is committed already"));
    }
    Optional<SagaResults.Known<T>> known = results.known(step, type);
    if (known.isPresent()) {
      committed();
      return given(known.get());
    }
    if (inDoubt) {
      requireSent(step);
    } else {
      commit(
          unit -> {
            parts.decider().sendPivot(unit, scope);
            unit.beforeCommit(connection -> parts.store().sendPivot(connection, row, step));
            last(unit, Change.goOn(Sagas.State.RUNNING));
          });
      inDoubt = true;
    }
    T answer = answered(step, pivot);
    try {
      T value = answerStored(step, type, answer);
      committed();
      return value;
    } catch (GlobalTransactionException e) {
      throw leave(new Reason.Park(String.valueOf(e.getMessage())));
    }
  }

  /** An earlier run has sent this pivot, and no other, and the database still says so. */
  private void requireSent(String step) {
    String sent = row.pivot().orElseThrow();
    if (!sent.equals(step)) {
      throw leave(
          new Reason.Park("step " + step + " is a pivot, and the pivot " + sent + " is in doubt"));
    }
    commit(
        unit -> {
          if (!parts.decider().isPivotSent(unit.connection(), row.xid())) {
            throw leave(new Reason.Park("the database has lost that its pivot was sent"));
          }
        });
  }

  private <T> T answerStored(String step, Class<T> type, T answer) {
    return results.<T, RuntimeException>received(
        step,
        type,
        unit -> {
          parts.decider().answerPivot(unit, scope, Outcome.COMMITTED);
          last(unit, Change.goOn(Sagas.State.FORWARD));
          return answer;
        });
  }

  /** Repeats the pivot as long as nobody knows what became of it. */
  private <T> T answered(String step, Pivot<T> pivot) {
    for (int attempt = 1; ; attempt++) {
      try (var outside = Scope.leave()) {
        return pivot.call(key(step));
      } catch (PivotRefusedException e) {
        throw leave(new Reason.Refused(e));
      } catch (Exception e) {
        if (e instanceof InterruptedException) {
          Thread.currentThread().interrupt();
        }
        if (attempt >= CALL_ATTEMPTS_MAX || !waited(attempt)) {
          throw leave(new Reason.InDoubt(e));
        }
      }
    }
  }

  private void committed() {
    forward = true;
    inDoubt = false;
    scope.decide(Outcome.COMMITTED);
  }

  /** Ends the saga with the commit of its result, and of the decision if it was not made before. */
  byte[] end(@Nullable Object result) {
    if (isShort()) {
      throw leave(new Reason.Park("it has ended early: " + diverged()));
    }
    byte[] json = result == null ? "null".getBytes(UTF_8) : Json.write(result);
    commit(
        unit -> {
          if (!forward) {
            parts.decider().commit(unit, scope);
          }
          last(unit, Change.end(Sagas.State.DONE, null, json));
        });
    return json;
  }

  /** Writes the row with the commit of a unit, after all that the unit writes. */
  void last(UnitOfWork unit, Change change) {
    List<String> taken = path.steps();
    unit.beforeCommit(
        connection -> parts.store().advance(connection, row, fingerprint, taken, change));
    unit.afterCommit(() -> wentOn = true);
  }

  private Sagas.State state() {
    return forward ? Sagas.State.FORWARD : Sagas.State.RUNNING;
  }

  // Stored results

  /** Work in a unit of work that may fail as SQL does. */
  @FunctionalInterface
  interface Write {
    void run(UnitOfWork unit) throws SQLException;
  }

  void commit(Write write) {
    try (var outside = Scope.leave()) {
      parts.transactions().<SQLException>run(write::run);
    } catch (SQLException e) {
      throw leave(parts.reason(e));
    } catch (RuntimeException e) {
      if (parts.isPassing(e)) {
        throw leave(parts.reason(e));
      }
      throw e;
    }
  }

  private <T, X extends Exception> T stored(
      String step, Class<T> type, Transactions.Work<T, X> work) throws X {
    return forward ? results.received(step, type, work) : results.opened(step, type, work);
  }

  @Override
  public Instant startedAt() {
    return row.startedAt();
  }

  @Override
  public UUID id(String name) {
    return SagaPath.id(row.xid().id(), name);
  }

  @Override
  public String key(String step) {
    return SagaPath.key(row.xid().id(), step);
  }
}
