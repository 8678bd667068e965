package dev.tenon.invocation;

import dev.tenon.invocation.CallMetrics.Outcome;
import dev.tenon.invocation.NotSentException.Reason;
import dev.tenon.invocation.spi.Endpoint;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One call with all its attempts, as steps: a transport does what a step says, tells what came of
 * it, and gets the next. It holds a place among the calls in flight from its making to the step
 * that ends it, so each call must be carried to its end, or be {@linkplain #abandon() abandoned}.
 *
 * <p>Does no I/O and waits for nothing. Thread-safe.
 */
public final class Call {
  /** Whether a call may be made again when nobody knows what became of it. */
  public enum Repeatable {
    /** It may: it changes nothing, or nothing more at the second time. */
    ALWAYS,
    /** Only if the callee has certainly done nothing. */
    IF_NOT_SENT,
    /** It may not: what is sent comes in parts that are gone then. */
    NEVER
  }

  /** What a transport is to do next. */
  public sealed interface Step {
    /**
     * Send the request.
     *
     * @param endpoint where to
     * @param attempt the number of the attempt, from 1
     * @param timeout how long to wait for the answer
     */
    record Send(Endpoint endpoint, int attempt, Duration timeout) implements Step {}

    /**
     * Wait, then ask for the {@linkplain Call#next() next} step.
     *
     * @param time how long
     */
    record Wait(Duration time) implements Step {}

    /**
     * Give the caller the answer that came last; the call is over.
     *
     * @param attempts how many attempts were made
     */
    record Deliver(int attempts) implements Step {}

    /**
     * Give the caller this failure; the call is over.
     *
     * @param failure what to throw
     */
    record Fail(CallException failure) implements Step {}
  }

  /** What came of an attempt. */
  public sealed interface Result {
    /**
     * The callee has answered.
     *
     * @param status an HTTP status
     */
    record Answered(int status) implements Result {}

    /**
     * The callee has answered with a problem that a repetition would meet again, although its
     * status is one of those that pass: it hands on what another service said.
     */
    record Lasting() implements Result {}

    /**
     * What an answer that is a problem amounts to.
     *
     * @param problem the answer
     * @return the result
     */
    static Result of(Problem problem) {
      return problem.saysLasting() ? new Lasting() : new Answered(problem.status());
    }

    /**
     * The callee, or its protocol, says that nothing was done for the request.
     *
     * @param reason how, for the message
     */
    record Refused(String reason) implements Result {}

    /**
     * The callee says that it is starting or stopping: nothing was done, and nothing will be for a
     * while.
     *
     * @param reason which of both, for the message
     */
    record NotServing(String reason) implements Result {}

    /**
     * There was no connection to send it on.
     *
     * @param cause what the transport says
     */
    record NotConnected(Throwable cause) implements Result {}

    /**
     * It was sent at least in part, and the answer did not come whole.
     *
     * @param cause what the transport says
     */
    record Broken(Throwable cause) implements Result {}

    /** It was sent, and the time was up. */
    record TimedOut() implements Result {}
  }

  private static final int CLIENT_ERROR = 400;
  private static final int GATEWAY_TIMEOUT = 504;

  private static final int LAST_RESORT_WAITS_MAX = 3;

  private final ServiceCalls calls;
  private final ServiceCalls.Operation operation;
  private final Repeatable repeatable;
  private final Instant deadline;
  private final long startNanos;
  private int attempts;
  private int waits; // for the last resort
  private @Nullable EndpointState current;
  private final List<EndpointState> tried = new ArrayList<>(1);
  private @Nullable Throwable cause;
  private @Nullable String refusal;
  private boolean mayBeDone; // by one of the attempts so far
  private boolean over;

  Call(
      ServiceCalls calls,
      ServiceCalls.Operation operation,
      Repeatable repeatable,
      Instant deadline,
      long startNanos) {
    this.calls = calls;
    this.operation = operation;
    this.repeatable = repeatable;
    this.deadline = deadline;
    this.startNanos = startNanos;
  }

  /**
   * What is called.
   *
   * @return service and operation
   */
  public Target target() {
    return operation.target();
  }

  /**
   * The first step, or the one after a wait.
   *
   * @return a step
   */
  public synchronized Step next() {
    Instant now = calls.now();
    Duration left = Duration.between(now, deadline);
    if (left.isNegative() || left.isZero()) {
      return fail(Reason.DEADLINE, "the deadline has passed.", "Allow more time.");
    }
    EndpointState chosen = calls.pool().choose(now.toEpochMilli(), tried).orElse(null);
    if (chosen == null) {
      return calls.pool().size() == 0 ? nobodyThere() : nobodyLeft(now, left);
    }
    current = chosen;
    attempts++;
    return new Step.Send(chosen.endpoint(), attempts, left);
  }

  /**
   * Tells what came of the attempt, and asks for the next step.
   *
   * @param result what came of it
   * @return a step
   */
  public synchronized Step ended(Result result) {
    EndpointState asked = release();
    // To leave the only instance out because it is starting would help nobody.
    boolean spared = result instanceof Result.NotServing && calls.pool().size() == 1;
    calls.judge(
        asked,
        calls.now().toEpochMilli(),
        spared ? ServiceCalls.Verdict.UNDECIDED : ServiceCalls.verdict(result));
    return switch (result) {
      case Result.Answered answer -> answered(answer.status());
      case Result.Lasting lasting -> deliver(Outcome.PROBLEM);
      case Result.Refused refused -> {
        refusal = refused.reason();
        yield repeat(Duration.ZERO);
      }
      case Result.NotServing absent -> {
        refusal = absent.reason();
        yield elsewhere();
      }
      case Result.NotConnected failure -> {
        cause = failure.cause();
        refusal = null;
        yield elsewhere();
      }
      case Result.Broken failure -> {
        cause = failure.cause();
        refusal = null;
        mayBeDone = true;
        yield repeat(wait(attempts));
      }
      case Result.TimedOut out -> {
        mayBeDone = true;
        yield fail(Reason.DEADLINE, "no answer came in time.", "Allow more time.");
      }
    };
  }

  /**
   * Tells that the answer has begun to come, and may go on for long. An endpoint that was left out,
   * and is probed by this call, is back by that. Optional, and safe to repeat.
   */
  public synchronized void answering() {
    EndpointState asked = current;
    if (asked != null) {
      asked.breaker().answering(calls.now().toEpochMilli());
    }
  }

  /** Ends a call that its caller has given up. Safe to repeat, and after the end. */
  public synchronized void abandon() {
    if (!over) {
      EndpointState asked = current;
      if (asked != null) {
        release();
        calls.judge(asked, calls.now().toEpochMilli(), ServiceCalls.Verdict.UNDECIDED);
      }
      finish(Outcome.ABANDONED);
    }
  }

  private Step answered(int status) {
    Duration wait = wait(attempts);
    if (Problem.mayPass(status) && repeatable == Repeatable.ALWAYS && mayRepeat(wait)) {
      mayBeDone = true;
      return waitOrNext(wait);
    }
    if (status == GATEWAY_TIMEOUT) {
      mayBeDone = true;
      return fail(Reason.DEADLINE, "it answered 504, which says nothing.", "Allow more time.");
    }
    return deliver(status < CLIENT_ERROR ? Outcome.OK : Outcome.PROBLEM);
  }

  private Step deliver(Outcome outcome) {
    finish(outcome);
    return new Step.Deliver(attempts);
  }

  private Step repeat(Duration wait) {
    boolean allowed = !mayBeDone || repeatable == Repeatable.ALWAYS;
    return allowed && mayRepeat(wait)
        ? waitOrNext(wait)
        : fail(Reason.UNREACHABLE, lastReason(), "Check that it runs.");
  }

  /** After an attempt that cost nobody any work, so the budget, which is against that, is left. */
  private Step elsewhere() {
    return (!mayBeDone || repeatable == Repeatable.ALWAYS) && isAttemptLeft(Duration.ZERO)
        ? waitOrNext(Duration.ZERO)
        : fail(Reason.UNREACHABLE, lastReason(), "Check that it runs.");
  }

  private boolean mayRepeat(Duration wait) {
    return isAttemptLeft(wait) && calls.budget().tryRetry();
  }

  private boolean isAttemptLeft(Duration wait) {
    return repeatable != Repeatable.NEVER
        && attempts < operation.policy().attemptsMax()
        && calls.now().plus(wait).isBefore(deadline);
  }

  private Step waitOrNext(Duration wait) {
    operation.metrics().retried();
    return wait.isZero() ? next() : new Step.Wait(wait);
  }

  private Duration wait(int attempt) {
    return operation.policy().retryWait().after(attempt, calls.random());
  }

  private EndpointState release() {
    EndpointState asked = current;
    if (asked == null) {
      throw new IllegalStateException("current: none (expected: an attempt that was sent)");
    }
    asked.end();
    tried.add(asked);
    current = null;
    return asked;
  }

  private Step nobodyThere() {
    return calls.known()
        ? fail(Reason.NO_ENDPOINT, "it has no instance now.", "Start one.")
        : fail(
            Reason.UNKNOWN_SERVICE,
            "it is not known here; known are " + calls.knownServices() + ".",
            "Configure its address.");
  }

  private Step nobodyLeft(Instant now, Duration left) {
    Duration pause = Duration.ofMillis(CircuitBreaker.EARLY_PROBE_AFTER_MILLIS);
    if (waits < LAST_RESORT_WAITS_MAX
        && repeatable != Repeatable.NEVER
        && pause.compareTo(left) < 0
        && calls.pool().hasLastResort(tried)) {
      waits++;
      return new Step.Wait(pause);
    }
    String last = attempts == 0 ? "" : " The last said: " + lastReason();
    String again =
        calls
            .pool()
            .nextReturn()
            .map(until -> Math.max(0, until - now.toEpochMilli()))
            .map("One is tried again in %d ms."::formatted)
            .orElse("");
    return fail(
        attempts == 0 ? Reason.NO_ENDPOINT : Reason.UNREACHABLE,
        "none of its %d endpoints answers.".formatted(calls.pool().size()) + last,
        again);
  }

  private String lastReason() {
    if (refusal != null) {
      return refusal + ".";
    }
    Throwable last = cause;
    return (last == null ? "no answer came" : String.valueOf(last.getMessage())) + ".";
  }

  private Step fail(Reason reason, String text, String advice) {
    finish(mayBeDone ? Outcome.UNKNOWN : Outcome.NOT_SENT);
    return new Step.Fail(
        mayBeDone
            ? new UnknownOutcomeException(
                target(),
                attempts,
                reason == Reason.DEADLINE
                    ? UnknownOutcomeException.Reason.DEADLINE
                    : UnknownOutcomeException.Reason.BROKEN,
                text + " It may have been done: ask with the same key.",
                cause)
            : new NotSentException(target(), attempts, reason, text + " " + advice, cause));
  }

  private void finish(Outcome outcome) {
    if (!over) {
      over = true;
      operation.end();
      operation.metrics().ended(outcome, System.nanoTime() - startNanos);
    }
  }
}
