package dev.tenon.invocation;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** The meters of calls; all begin with {@code tenon.call}. */
final class CallMetrics {
  private static final String SERVICE = "service";
  private static final String OPERATION = "operation";

  /** How a call may end. */
  enum Outcome {
    OK,
    PROBLEM,
    NOT_SENT,
    UNKNOWN,
    ABANDONED
  }

  private final MeterRegistry registry;

  CallMetrics(MeterRegistry registry) {
    this.registry = registry;
  }

  OfOperation of(Target target) {
    return new OfOperation(registry, target);
  }

  /** The meters of one operation, each registered when it is first needed. Thread-safe. */
  static final class OfOperation {
    private final MeterRegistry registry;
    private final Target target;
    private final AtomicReferenceArray<@Nullable Timer> ended =
        new AtomicReferenceArray<>(Outcome.values().length);
    private volatile @Nullable Counter retries;

    private OfOperation(MeterRegistry registry, Target target) {
      this.registry = registry;
      this.target = target;
    }

    void ended(Outcome outcome, long nanos) {
      Timer timer = ended.get(outcome.ordinal());
      if (timer == null) {
        timer = registry.timer("tenon.calls", tags().and("outcome", name(outcome)));
        ended.set(outcome.ordinal(), timer);
      }
      timer.record(nanos, TimeUnit.NANOSECONDS);
    }

    void retried() {
      Counter counter = retries;
      if (counter == null) {
        counter = registry.counter("tenon.call.retries", tags());
        retries = counter;
      }
      counter.increment();
    }

    private Tags tags() {
      return Tags.of(SERVICE, target.service(), OPERATION, target.operation());
    }

    private static String name(Outcome outcome) {
      return outcome.name().toLowerCase(Locale.ROOT);
    }
  }

  void ejected(String service) {
    registry.counter("tenon.call.ejections", SERVICE, service).increment();
  }

  void watch(String service, EndpointPool pool) {
    List<Tag> tags = List.of(Tag.of(SERVICE, service));
    registry.gauge("tenon.call.endpoints", tags, pool, EndpointPool::size);
    registry.gauge("tenon.call.endpoints.usable", tags, pool, EndpointPool::closed);
  }
}
