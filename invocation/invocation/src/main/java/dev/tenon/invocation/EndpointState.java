package dev.tenon.invocation;

import dev.tenon.invocation.spi.Endpoint;
import java.util.concurrent.atomic.AtomicInteger;

/** One endpoint with what is known of it here. Thread-safe. */
final class EndpointState {
  private volatile Endpoint endpoint;
  private final AtomicInteger pending = new AtomicInteger();
  private final CircuitBreaker breaker;

  EndpointState(Endpoint endpoint, CircuitBreaker breaker) {
    this.endpoint = endpoint;
    this.breaker = breaker;
  }

  Endpoint endpoint() {
    return endpoint;
  }

  void update(Endpoint value) {
    endpoint = value;
  }

  CircuitBreaker breaker() {
    return breaker;
  }

  int pending() {
    return pending.get();
  }

  void begin() {
    pending.incrementAndGet();
  }

  void end() {
    pending.decrementAndGet();
  }

  /** How much it has to do for its weight: the less, the sooner it is chosen. */
  double load(long now) {
    return (pending.get() + 1) / (endpoint.weight() * breaker.share(now));
  }
}
