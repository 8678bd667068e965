package dev.tenon.invocation.spi;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Knows where the instances of services are, and pushes each change. Nobody polls it.
 * Implementations are thread-safe.
 */
public interface EndpointSource {

  /**
   * Begins to watch a service. The listener is called once with what is known now, before this
   * method returns, and then at each change, one call at a time, on any thread; it does not block.
   *
   * @param service the service's name
   * @param listener takes the whole list each time; an empty one if the service is not known or has
   *     no instance
   * @return ends the watch when closed; a call under way may still come
   */
  Watch watch(String service, Consumer<List<Endpoint>> listener);

  /**
   * The services that are known, for a message that names them.
   *
   * @return the names, in any order
   */
  Set<String> services();

  /** A watch that can be ended. */
  @FunctionalInterface
  interface Watch extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Endpoints that are configured and stay.
   *
   * @param addresses by service, {@code host:port} each
   * @return the source
   * @throws IllegalArgumentException if an address is not {@code host:port}
   */
  static EndpointSource of(Map<String, List<String>> addresses) {
    Map<String, List<Endpoint>> endpoints = new TreeMap<>();
    addresses.forEach(
        (service, list) -> endpoints.put(service, list.stream().map(Endpoint::parse).toList()));
    Set<String> names = new TreeSet<>(endpoints.keySet());
    return new EndpointSource() {
      @Override
      public Watch watch(String service, Consumer<List<Endpoint>> listener) {
        listener.accept(endpoints.getOrDefault(service, List.of()));
        return () -> {};
      }

      @Override
      public Set<String> services() {
        return Set.copyOf(names);
      }
    };
  }
}
