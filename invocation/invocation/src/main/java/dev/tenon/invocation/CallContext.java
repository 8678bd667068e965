package dev.tenon.invocation;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What travels with a call, the same over REST and gRPC: trace, deadline, distributed transaction,
 * consistency token and principal.
 *
 * <p>A server makes one of each request and runs the handler in it; a client hands the current one
 * on, but for the distributed transaction: a service that takes no part in it calls on outside. It
 * belongs to a thread: work that a handler gives to another thread must be run in it there.
 * Immutable.
 */
public final class CallContext {
  /** The context of a call that says nothing, and of a thread that serves none. */
  public static final CallContext EMPTY = new CallContext(Map.of(), null);

  private static final ThreadLocal<CallContext> CURRENT = new ThreadLocal<>();
  private static final int VALUE_CHARS_MAX = 4096;
  private static final String[] READ = {
    CallHeaders.TRACEPARENT,
    CallHeaders.TRACESTATE,
    CallHeaders.XID,
    CallHeaders.STEP,
    CallHeaders.CONSISTENCY,
    CallHeaders.PRINCIPAL
  };

  /** They name one call of a transaction: who calls on under it names the next one anew. */
  private static final Set<String> NOT_PASSED_ON = Set.of(CallHeaders.XID, CallHeaders.STEP);

  private final Map<String, String> values;
  private final @Nullable Instant deadline;

  private CallContext(Map<String, String> values, @Nullable Instant deadline) {
    this.values = values;
    this.deadline = deadline;
  }

  /**
   * The context of the request that the current thread serves.
   *
   * @return the context; {@link #EMPTY} if it serves none
   */
  public static CallContext current() {
    CallContext context = CURRENT.get();
    return context == null ? EMPTY : context;
  }

  /**
   * Reads a context from the headers of a request.
   *
   * @param header gives a header's value by its lower-case name, or null
   * @param now when the request came: its deadline is counted from here
   * @return the context
   * @throws IllegalArgumentException if a header's value is wrong; it names header and rule
   */
  public static CallContext read(Function<String, @Nullable String> header, Instant now) {
    String grpc = header.apply(CallHeaders.GRPC_TIMEOUT);
    String timeout = grpc == null ? header.apply(CallHeaders.TIMEOUT) : grpc;
    Instant deadline =
        timeout == null
            ? null
            : now.plus(
                Timeouts.parse(
                    grpc == null ? CallHeaders.TIMEOUT : CallHeaders.GRPC_TIMEOUT, timeout));
    Map<String, String> values = null;
    for (String name : READ) {
      String value = header.apply(name);
      if (value != null) {
        values = values == null ? new LinkedHashMap<>() : values;
        values.put(name, checked(name, value));
      }
    }
    if (values == null && deadline == null) {
      return EMPTY;
    }
    return new CallContext(values == null ? Map.of() : values, deadline);
  }

  /**
   * Writes the headers of a call: all but the deadline, which an attempt sends as the time that is
   * left then, and the distributed transaction, which gives each call a step of its own.
   *
   * @param header takes a lower-case name and a value
   */
  public void write(BiConsumer<String, String> header) {
    values.forEach(
        (name, value) -> {
          if (!NOT_PASSED_ON.contains(name)) {
            header.accept(name, value);
          }
        });
  }

  /**
   * Runs work in this context.
   *
   * @param work what to run, on this thread
   * @param <T> what it gives
   * @return what it gives
   * @throws Exception what it throws
   */
  public <T> T call(Callable<T> work) throws Exception {
    CallContext before = enter();
    try {
      return work.call();
    } finally {
      before.leaveTo();
    }
  }

  /**
   * Runs work in this context.
   *
   * @param work what to run, on this thread
   */
  public void run(Runnable work) {
    CallContext before = enter();
    try {
      work.run();
    } finally {
      before.leaveTo();
    }
  }

  private CallContext enter() {
    CallContext before = current();
    CURRENT.set(this);
    return before;
  }

  private void leaveTo() {
    if (this == EMPTY) {
      CURRENT.remove();
    } else {
      CURRENT.set(this);
    }
  }

  /**
   * When the caller stops waiting.
   *
   * @return the time; empty if it did not say
   */
  public Optional<Instant> deadline() {
    return Optional.ofNullable(deadline);
  }

  /**
   * The trace that the call belongs to.
   *
   * @return a W3C {@code traceparent}
   */
  public Optional<String> traceparent() {
    return value(CallHeaders.TRACEPARENT);
  }

  /**
   * The distributed transaction that the call belongs to.
   *
   * @return its xid
   */
  public Optional<String> xid() {
    return value(CallHeaders.XID);
  }

  /**
   * Which step of its transaction the call is.
   *
   * @return the step's key
   */
  public Optional<String> step() {
    return value(CallHeaders.STEP);
  }

  /**
   * What the callee must have seen to answer.
   *
   * @return an opaque token
   */
  public Optional<String> consistencyToken() {
    return value(CallHeaders.CONSISTENCY);
  }

  /**
   * On whose behalf the call is made, as the calling service says.
   *
   * @return a name
   */
  public Optional<String> principal() {
    return value(CallHeaders.PRINCIPAL);
  }

  /**
   * The same context with an earlier deadline.
   *
   * @param value the deadline; one that is later than the present one changes nothing
   * @return the context
   */
  public CallContext withDeadline(Instant value) {
    requireNonNull(value, "value");
    Instant own = deadline;
    return own != null && !value.isBefore(own) ? this : new CallContext(values, value);
  }

  /**
   * The same context in another trace.
   *
   * @param value a W3C {@code traceparent}
   * @return the context
   */
  public CallContext withTraceparent(String value) {
    return with(CallHeaders.TRACEPARENT, value);
  }

  /**
   * The same context on another's behalf.
   *
   * @param value a name
   * @return the context
   */
  public CallContext withPrincipal(String value) {
    return with(CallHeaders.PRINCIPAL, value);
  }

  /**
   * The same context with another consistency token.
   *
   * @param value an opaque token
   * @return the context
   */
  public CallContext withConsistencyToken(String value) {
    return with(CallHeaders.CONSISTENCY, value);
  }

  private CallContext with(String name, String value) {
    Map<String, String> copy = new LinkedHashMap<>(values);
    copy.put(name, checked(name, requireNonNull(value, name)));
    return new CallContext(copy, deadline);
  }

  private Optional<String> value(String name) {
    return Optional.ofNullable(values.get(name));
  }

  /** The time left until the deadline; never negative. */
  Optional<Duration> left(Instant now) {
    Instant own = deadline;
    if (own == null) {
      return Optional.empty();
    }
    Duration left = Duration.between(now, own);
    return Optional.of(left.isNegative() ? Duration.ZERO : left);
  }

  private static String checked(String name, String value) {
    if (value.isEmpty() || value.length() > VALUE_CHARS_MAX || !visible(value)) {
      throw new IllegalArgumentException(
          "%s: %d characters (expected: 1..%d visible ASCII characters)"
              .formatted(name, value.length(), VALUE_CHARS_MAX));
    }
    return value;
  }

  private static boolean visible(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < ' ' || c > '~') {
        return false;
      }
    }
    return true;
  }

  @Override
  public String toString() {
    return "CallContext[deadline=" + deadline + ", " + values.keySet() + "]";
  }
}
