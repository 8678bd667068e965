package dev.tenon.invocation;

import dev.tenon.invocation.NotSentException.Reason;
import dev.tenon.invocation.spi.EndpointSource;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The calls to one service: its endpoints, its retry budget, its calls in flight. Thread-safe. */
final class ServiceCalls implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ServiceCalls.class);
  private static final int OPERATIONS_MAX = 1000; // more share one entry
  private static final String OTHERS = "others";
  private static final int SERVER_ERROR = 500;
  private static final int NOT_IMPLEMENTED = 501;

  /** What an attempt says about its endpoint. */
  enum Verdict {
    SUCCEEDED,
    FAILED,
    UNREACHED,
    UNDECIDED
  }

  private final String service;
  private final EndpointSource source;
  private final CallSettings settings;
  private final CallMetrics metrics;
  private final EndpointPool pool;
  private final RetryBudget budget = new RetryBudget();
  private final AtomicInteger inFlight = new AtomicInteger();
  private final Map<String, Operation> operations = new ConcurrentHashMap<>();
  private final EndpointSource.Watch watch;

  ServiceCalls(String service, EndpointSource source, CallSettings settings, CallMetrics metrics) {
    this.service = service;
    this.source = source;
    this.settings = settings;
    this.metrics = metrics;
    this.pool = new EndpointPool(settings.ejection(), settings.random());
    this.watch = source.watch(service, pool::update);
    metrics.watch(service, pool);
  }

  Operation operation(String name) {
    Operation known = operations.get(name);
    if (known != null) {
      return known;
    }
    String bounded = operations.size() < OPERATIONS_MAX ? name : OTHERS;
    return operations.computeIfAbsent(bounded, this::newOperation);
  }

  private Operation newOperation(String name) {
    Target target = new Target(service, name);
    CallPolicy own = settings.policies().get(service + "/" + name);
    if (own != null) {
      return new Operation(target, own, new AtomicInteger(), metrics.of(target));
    }
    CallPolicy shared = settings.policies().getOrDefault(service, settings.policy());
    return new Operation(target, shared, inFlight, metrics.of(target));
  }

  /** What a result says about the endpoint that was asked. */
  static Verdict verdict(Call.Result result) {
    return switch (result) {
      case Call.Result.Answered answer ->
          failed(answer.status()) ? Verdict.FAILED : Verdict.SUCCEEDED;
      case Call.Result.Lasting lasting -> Verdict.SUCCEEDED;
      case Call.Result.Refused refused -> Verdict.UNDECIDED;
      case Call.Result.NotServing absent -> Verdict.UNREACHED;
      case Call.Result.NotConnected failure -> Verdict.UNREACHED;
      case Call.Result.Broken failure -> Verdict.FAILED;
      case Call.Result.TimedOut out -> Verdict.FAILED;
    };
  }

  /** Whether an answer of this status says that its endpoint fails. */
  static boolean failed(int status) {
    return status >= SERVER_ERROR && status != NOT_IMPLEMENTED;
  }

  void judge(EndpointState asked, long now, Verdict verdict) {
    CircuitBreaker breaker = asked.breaker();
    boolean ejected =
        switch (verdict) {
          case SUCCEEDED -> {
            breaker.succeeded(now);
            yield false;
          }
          case UNDECIDED -> {
            breaker.undecided(now);
            yield false;
          }
          case FAILED -> breaker.failed(now, pool.mayEject());
          case UNREACHED -> breaker.unreached(now);
        };
    if (ejected) {
      metrics.ejected(service);
      log.atInfo()
          .addKeyValue("service", service)
          .addKeyValue("endpoint", asked.endpoint().address())
          .addKeyValue("verdict", verdict)
          .addKeyValue("millis", breaker.openUntil() - now)
          .log("endpoint left out for a while");
    }
  }

  Instant now() {
    return clock().instant();
  }

  private InstantSource clock() {
    return settings.clock();
  }

  RandomGenerator random() {
    return settings.random();
  }

  EndpointPool pool() {
    return pool;
  }

  RetryBudget budget() {
    return budget;
  }

  boolean known() {
    return source.services().contains(service);
  }

  TreeSet<String> knownServices() {
    return new TreeSet<>(source.services());
  }

  @Override
  public void close() {
    watch.close();
  }

  /** One operation with its policy, the calls in flight that count against it, and its meters. */
  record Operation(
      Target target, CallPolicy policy, AtomicInteger inFlight, CallMetrics.OfOperation metrics) {
    /** Takes a place among the calls in flight. */
    void begin() {
      if (inFlight.incrementAndGet() > policy.callsInFlightMax()) {
        inFlight.decrementAndGet();
        throw new NotSentException(
            target,
            0,
            Reason.OVERLOADED,
            "%d calls are under way, as many as allowed. Try later, or allow more."
                .formatted(policy.callsInFlightMax()),
            null);
      }
    }

    void end() {
      inFlight.decrementAndGet();
    }
  }
}
