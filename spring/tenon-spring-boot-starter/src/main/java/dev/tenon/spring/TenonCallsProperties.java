package dev.tenon.spring;

import dev.tenon.invocation.CallPolicy;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How this service calls others.
 *
 * @param timeout How long a call may take with all its attempts; the caller's own deadline counts
 *     if it is earlier.
 * @param attemptsMax How often a call is tried at most, the first attempt among them. It is
 *     repeated only if the callee has certainly done nothing, or the call is idempotent.
 * @param inFlightMax How many calls of a service may be under way; one more is refused at once.
 * @param connectTimeout How long to wait for a connection.
 * @param policies What differs for a service, or for one operation. Put the name of an operation
 *     into brackets, such as tenon.calls.policies[user/UserApi.find].timeout.
 */
@ConfigurationProperties("tenon.calls")
record TenonCallsProperties(
    @DefaultValue("5s") Duration timeout,
    @DefaultValue("3") int attemptsMax,
    @DefaultValue("1024") int inFlightMax,
    @DefaultValue("2s") Duration connectTimeout,
    @DefaultValue Map<String, Policy> policies) {

  CallPolicy policy() {
    return CallPolicy.defaults()
        .withTimeout(timeout)
        .withAttemptsMax(attemptsMax)
        .withCallsInFlightMax(inFlightMax);
  }

  /**
   * What differs for a service or an operation.
   *
   * @param timeout How long a call may take with all its attempts.
   * @param attemptsMax How often a call is tried at most.
   * @param inFlightMax How many calls may be under way.
   */
  record Policy(
      @Nullable Duration timeout, @Nullable Integer attemptsMax, @Nullable Integer inFlightMax) {

    CallPolicy over(CallPolicy policy) {
      CallPolicy own = timeout == null ? policy : policy.withTimeout(timeout);
      own = attemptsMax == null ? own : own.withAttemptsMax(attemptsMax);
      return inFlightMax == null ? own : own.withCallsInFlightMax(inFlightMax);
    }
  }
}
