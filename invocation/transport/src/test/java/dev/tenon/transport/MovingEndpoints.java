package dev.tenon.transport;

import dev.tenon.invocation.Calls;
import dev.tenon.invocation.spi.Endpoint;
import dev.tenon.invocation.spi.EndpointSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** The endpoints of every service that is asked for; a test moves them. */
final class MovingEndpoints implements EndpointSource {
  private final List<Consumer<List<Endpoint>>> listeners = new ArrayList<>();
  private List<Endpoint> now = List.of();

  /** The way to addresses that stay. */
  static Calls callsTo(String... addresses) {
    MovingEndpoints endpoints = new MovingEndpoints();
    endpoints.set(addresses);
    return Calls.builder(endpoints).build();
  }

  synchronized void set(String... addresses) {
    now = List.of(addresses).stream().map(Endpoint::parse).toList();
    listeners.forEach(listener -> listener.accept(now));
  }

  @Override
  public synchronized Watch watch(String service, Consumer<List<Endpoint>> listener) {
    listeners.add(listener);
    listener.accept(now);
    return () -> {};
  }

  @Override
  public Set<String> services() {
    return Set.of();
  }
}
