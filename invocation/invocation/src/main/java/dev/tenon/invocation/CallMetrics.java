package dev.tenon.invocation;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** The meters of calls; all begin with {@code tenon.call}. */
final class CallMetrics {
  private static final String SERVICE = "service";
  private static final String OPERATION = "operation";

  private record Ended(Target target, String outcome) {}

  private final MeterRegistry registry;
  private final Map<Ended, Timer> ended = new ConcurrentHashMap<>();
  private final Map<Target, Counter> retries = new ConcurrentHashMap<>();

  CallMetrics(MeterRegistry registry) {
    this.registry = registry;
  }

  void ended(Target target, String outcome, long nanos) {
    ended
        .computeIfAbsent(
            new Ended(target, outcome),
            key ->
                registry.timer(
                    "tenon.calls",
                    Tags.of(
                        SERVICE,
                        target.service(),
                        OPERATION,
                        target.operation(),
                        "outcome",
                        outcome)))
        .record(nanos, TimeUnit.NANOSECONDS);
  }

  void retried(Target target) {
    retries
        .computeIfAbsent(
            target,
            key ->
                registry.counter(
                    "tenon.call.retries", SERVICE, target.service(), OPERATION, target.operation()))
        .increment();
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
