package dev.tenon.global;

import dev.tenon.global.SagaHistory.Step;
import dev.tenon.global.SagaPause.Reason;
import dev.tenon.runtime.Json;
import dev.tenon.transaction.Transactions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** A run of a saga's code along a recorded history, which does nothing. */
final class SagaReplay implements SagaScope {
  private final SagaHistory history;
  private final List<String> recorded;
  private final SagaPath path = new SagaPath();
  private @Nullable SagaPause left;

  SagaReplay(SagaHistory history) {
    this.history = history;
    this.recorded = history.names();
  }

  <I> void run(SagaType<I, ?> type) {
    Exception failure = null;
    try {
      type.code().run(this, read("the input", history.input(), type.input()));
    } catch (SagaPause pause) {
      left = pause;
    } catch (Exception e) {
      failure = e;
    }
    SagaPause pause = left;
    if (pause != null) {
      if (pause.reason() instanceof Reason.Park park) {
        throw diverged(park.why(), null);
      }
      return; // it came to the end of the history
    }
    if (path.length() < recorded.size()) {
      throw diverged(failure == null ? "it ends early" : "it fails early: " + failure, failure);
    }
  }

  private SagaDivergedException diverged(String why, @Nullable Throwable cause) {
    return new SagaDivergedException(
        "Could not go on with the saga "
            + history.type()
            + "/"
            + history.id()
            + ": "
            + why
            + ". Recorded: "
            + recorded
            + ". Now: "
            + path
            + ". Have the code take the recorded path, or let such sagas end before it is"
            + " deployed.",
        cause);
  }

  /** Takes a step that was recorded, or ends the run where the history ends. */
  private Step begin(String name) {
    SagaPause before = left;
    if (before != null) {
      throw before;
    }
    path.take(name);
    if (path.length() > recorded.size()) {
      throw leave(new Reason.Asleep());
    }
    if (path.leaves(recorded)) {
      throw leave(new Reason.Park("it takes another path"));
    }
    return history.steps().get(path.length() - 1);
  }

  private SagaPause leave(Reason reason) {
    SagaPause pause = new SagaPause(reason);
    left = pause;
    return pause;
  }

  private <T> T stored(String name, Class<T> type) {
    Step step = begin(name);
    if (!step.stored()) {
      throw leave(
          new Reason.Park(
              "step " + step.name() + " called another service, and does not any more"));
    }
    return read("the result of step " + step.name(), step.result(), type);
  }

  @SuppressWarnings("NullAway") // a step whose work gives null gives null
  private <T> T read(String what, @Nullable JsonNode json, Class<T> type) {
    try {
      return json == null ? null : Json.mapper().treeToValue(json, type);
    } catch (JacksonException e) {
      throw leave(
          new Reason.Park(
              what + " cannot be read as " + type.getName() + ": " + e.getOriginalMessage()));
    }
  }

  @Override
  public <T> T call(String step, Callable<T> call) throws Exception {
    Step found = begin(step);
    if (found.stored()) {
      throw leave(
          new Reason.Park("step " + found.name() + " stored a result, and calls a service now"));
    }
    return call.call();
  }

  @Override
  public <T, X extends Exception> T local(
      String step, Class<T> type, Transactions.Work<T, X> work) {
    return stored(step, type);
  }

  @Override
  public <T> T external(String step, Class<T> type, Callable<T> work) {
    return stored(step, type);
  }

  @Override
  public void sleep(String step, Duration time) {
    Instant unused = stored(step, Instant.class);
  }

  @Override
  public <T> Optional<T> await(String signal, Class<T> type, Duration atMost) {
    Instant unused = stored(signal + SagaRun.UNTIL, Instant.class);
    SagaRun.Awaited awaited = stored(signal, SagaRun.Awaited.class);
    return awaited.came()
        ? Optional.ofNullable(read("the signal " + signal, awaited.payload(), type))
        : Optional.empty();
  }

  @Override
  public <T, X extends Exception> T commit(
      String step, Class<T> type, Transactions.Work<T, X> work) {
    return stored(step, type);
  }

  @Override
  public <T> T pivot(String step, Class<T> type, Pivot<T> pivot) {
    Step found = begin(step);
    if (found.stored()) {
      return read("the answer to step " + found.name(), found.result(), type);
    }
    if (path.length() < recorded.size()) {
      throw leave(new Reason.Park("step " + found.name() + " was no pivot, and is one now"));
    }
    throw leave(new Reason.Asleep()); // it was sent, and has no answer
  }

  @Override
  public Instant startedAt() {
    return history.startedAt();
  }

  @Override
  public UUID id(String name) {
    return SagaPath.id(history.xid(), name);
  }

  @Override
  public String key(String step) {
    return SagaPath.key(history.xid(), step);
  }
}
