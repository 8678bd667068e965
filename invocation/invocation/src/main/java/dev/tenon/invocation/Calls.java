package dev.tenon.invocation;

import static java.util.Objects.requireNonNull;

import dev.tenon.invocation.spi.EndpointSource;
import dev.tenon.runtime.TenonRuntime;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Where calls begin: by the name of a service, with the policy that holds for the operation.
 *
 * <p>For each service that is called it watches the endpoints, counts the calls in flight, keeps a
 * budget of retries (a fifth of the calls, a hundred at first) and leaves out endpoints that fail.
 * At most 10,000 services are called. Thread-safe.
 */
public final class Calls implements AutoCloseable {
  private static final int SERVICES_MAX = 10_000;

  private final EndpointSource source;
  private final CallSettings settings;
  private final CallMetrics metrics;
  private final Map<String, ServiceCalls> services = new ConcurrentHashMap<>();

  private Calls(Builder builder) {
    this.source = builder.source;
    this.settings =
        new CallSettings(
            builder.policy,
            builder.policies,
            builder.ejection,
            builder.runtime.clock(),
            builder.runtime.random());
    this.metrics = new CallMetrics(builder.meters);
  }

  /**
   * Begins.
   *
   * @param source where services are
   * @return a builder
   */
  public static Builder builder(EndpointSource source) {
    return new Builder(source);
  }

  /**
   * Begins a call, which takes a place among the calls in flight.
   *
   * @param target what is called
   * @param repeatable whether it may be made again when nobody knows what became of it
   * @param context what the caller hands on; its deadline counts if it is earlier than the policy's
   * @return the call; ask it for its {@linkplain Call#next() first step}
   * @throws NotSentException if as many calls as allowed are under way
   */
  public Call begin(Target target, Call.Repeatable repeatable, CallContext context) {
    ServiceCalls calls = service(target.service());
    ServiceCalls.Operation operation = calls.operation(target.operation());
    operation.begin();
    Instant latest = calls.now().plus(operation.policy().timeout());
    Instant deadline = context.deadline().filter(latest::isAfter).orElse(latest);
    calls.budget().called();
    return new Call(calls, operation, repeatable, deadline, System.nanoTime());
  }

  /**
   * Begins to ask the endpoints of a service one after the other, for a loop that comes again by
   * itself.
   *
   * @param service the service's name
   * @return the round; to be closed
   */
  public EndpointRound round(String service) {
    return new EndpointRound(service(service));
  }

  private ServiceCalls service(String name) {
    ServiceCalls known = services.get(name);
    if (known != null) {
      return known;
    }
    if (services.size() >= SERVICES_MAX) {
      throw new IllegalStateException(
          "services: more than " + SERVICES_MAX + " (expected: names that are not made up)");
    }
    return services.computeIfAbsent(
        name, service -> new ServiceCalls(service, source, settings, metrics));
  }

  /** Ends all watches. Calls under way go on. Safe to repeat. */
  @Override
  public void close() {
    services.values().forEach(ServiceCalls::close);
  }

  /** Collects how calls are to be made. Not thread-safe. */
  public static final class Builder {
    private final EndpointSource source;
    private final Map<String, CallPolicy> policies = new HashMap<>();
    private CallPolicy policy = CallPolicy.defaults();
    private EjectionPolicy ejection = EjectionPolicy.defaults();
    private TenonRuntime runtime = TenonRuntime.system();
    private MeterRegistry meters = new SimpleMeterRegistry();

    private Builder(EndpointSource source) {
      this.source = requireNonNull(source, "source");
    }

    /**
     * The policy of all calls for which none of their own is set.
     *
     * @param value the policy
     * @return this
     */
    public Builder policy(CallPolicy value) {
      policy = requireNonNull(value, "policy");
      return this;
    }

    /**
     * The policy of a service, or of one operation.
     *
     * @param name a service, or {@code service/operation}
     * @param value the policy; an operation's bounds its own calls in flight
     * @return this
     */
    public Builder policy(String name, CallPolicy value) {
      policies.put(requireNonNull(name, "name"), requireNonNull(value, "policy"));
      return this;
    }

    /**
     * When endpoints are left out.
     *
     * @param value the policy
     * @return this
     */
    public Builder ejection(EjectionPolicy value) {
      ejection = requireNonNull(value, "ejection");
      return this;
    }

    /**
     * Where time and chance come from; the system's runtime unless set.
     *
     * @param value the runtime
     * @return this
     */
    public Builder runtime(TenonRuntime value) {
      runtime = requireNonNull(value, "runtime");
      return this;
    }

    /**
     * Where to count calls; nowhere unless set.
     *
     * @param value the registry
     * @return this
     */
    public Builder meters(MeterRegistry value) {
      meters = requireNonNull(value, "meters");
      return this;
    }

    /**
     * Makes it. Nothing is watched yet.
     *
     * @return the calls
     */
    public Calls build() {
      return new Calls(this);
    }
  }
}
