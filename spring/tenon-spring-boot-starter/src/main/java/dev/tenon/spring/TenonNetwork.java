package dev.tenon.spring;

import dev.tenon.invocation.Calls;
import dev.tenon.messaging.spi.FeedSource;
import dev.tenon.messaging.spi.FeedTransport;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transport.HttpFeedTransport;
import dev.tenon.transport.PortService;
import dev.tenon.transport.ServiceIdentity;
import dev.tenon.transport.TenonPort;
import dev.tenon.transport.TlsFiles;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The service's own Tenon port, and its way to others'. The port is bound here, and serves later.
 */
final class TenonNetwork implements AutoCloseable {
  private final Optional<TenonPort> port;
  private final Optional<HttpFeedTransport> transport;

  private TenonNetwork(Optional<TenonPort> port, Optional<HttpFeedTransport> transport) {
    this.port = port;
    this.transport = transport;
  }

  /** For a service that has nothing to do with others, or only calls them. */
  static TenonNetwork none() {
    return new TenonNetwork(Optional.empty(), Optional.empty());
  }

  static TenonNetwork open(TenonProperties properties, TenonRuntime runtime, Calls calls) {
    ServiceIdentity identity = identity(properties);
    TenonPort.Builder port =
        TenonPort.builder(identity)
            .bindAddress(properties.host())
            .port(properties.port())
            .limits(properties.limits().port())
            .runtime(runtime);
    Optional.ofNullable(properties.advertisedHost()).ifPresent(port::advertisedHost);
    return new TenonNetwork(
        Optional.of(port.open()), Optional.of(HttpFeedTransport.builder(identity, calls).build()));
  }

  static ServiceIdentity identity(TenonProperties properties) {
    String service = properties.requiredService();
    Path keys = properties.keys().directory();
    Optional<TlsFiles> tls = properties.tls().files(service);
    if (keys == null && tls.isEmpty() && !properties.dev()) {
      throw new SetupException(
          "Service "
              + service
              + " has neither certificates nor keys to prove to other services who it is.",
          "Set tenon.tls.directory or tenon.keys.directory, or tenon.dev=true on a developer's"
              + " machine (loopback only).");
    }
    ServiceIdentity identity =
        keys == null ? ServiceIdentity.development(service) : ServiceIdentity.load(service, keys);
    return tls.map(identity::withTls).orElse(identity);
  }

  Optional<FeedTransport> transport() {
    return transport.map(open -> open);
  }

  Optional<String> address() {
    return port.map(TenonPort::address);
  }

  Optional<Integer> port() {
    return port.map(TenonPort::port);
  }

  void serve(FeedSource source, List<PortService> services) {
    port.ifPresent(open -> open.serve(source, services));
  }

  /** Ends what others do here; what this service reads elsewhere goes on. */
  void drain() {
    port.ifPresent(TenonPort::drain);
  }

  @Override
  public void close() {
    port.ifPresent(TenonPort::close);
    transport.ifPresent(HttpFeedTransport::close);
  }
}
