package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.common.SessionProtocol;
import com.linecorp.armeria.common.TlsProvider;
import com.linecorp.armeria.server.Server;
import com.linecorp.armeria.server.ServerBuilder;
import com.linecorp.armeria.server.ServerListener;
import com.linecorp.armeria.server.ServerTlsConfig;
import dev.tenon.messaging.spi.FeedSource;
import dev.tenon.runtime.TenonRuntime;
import io.netty.channel.ChannelOption;
import io.netty.handler.ssl.ClientAuth;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The listener that faces other services: it serves this service's feed over HTTP/2 and HTTP/1.1,
 * with TLS if the identity has it and else without, on one port, to services that prove who they
 * are.
 *
 * <p>It listens from {@link Builder#open()} on, but answers 503 until {@link #serve} names what to
 * serve. Each stream has a frame at most on its way; a reader that takes nothing holds its
 * publisher up. User code is never called on an event loop. Thread-safe.
 */
public final class TenonPort implements AutoCloseable {
  private static final int CALLS_MAX_DEFAULT = 4096;
  private static final Logger log = LoggerFactory.getLogger(TenonPort.class);
  private static final Duration QUIET = Duration.ofMillis(20);
  private static final Duration DRAIN = Duration.ofSeconds(1); // longer than peers take to notice
  private static final Duration CLOSE_MARGIN = Duration.ofSeconds(5);
  private static final int CLOSE_POLL_MILLIS = 5;

  private final Server server;
  private final FeedEndpoints endpoints;
  private final CallGate gate;
  private final PortRoutes routes;
  private final List<PortService> services;
  private final String address;
  private final Duration graceLimit;

  private TenonPort(
      Server server,
      FeedEndpoints endpoints,
      CallGate gate,
      PortRoutes routes,
      List<PortService> services,
      String advertisedHost,
      Duration graceLimit) {
    this.server = server;
    this.endpoints = endpoints;
    this.gate = gate;
    this.routes = routes;
    this.services = List.copyOf(services);
    this.address = advertisedHost + ":" + server.activeLocalPort();
    this.graceLimit = graceLimit;
  }

  /**
   * Begins a port.
   *
   * @param identity whose port it is
   * @return a builder
   */
  public static Builder builder(ServiceIdentity identity) {
    return new Builder(identity);
  }

  /**
   * Names what to serve; from now on requests are answered.
   *
   * @param source this service's feeds
   * @throws IllegalArgumentException if it is another service's
   */
  public void serve(FeedSource source) {
    serve(source, List.of());
  }

  /**
   * Names what to serve; from now on requests are answered.
   *
   * @param source this service's feeds
   * @param more what to serve beside what was given to {@link Builder#service}
   * @throws IllegalArgumentException if the feeds are another service's
   */
  public void serve(FeedSource source, List<PortService> more) {
    endpoints.serve(source);
    serve(more);
  }

  /**
   * Names what to serve, for a service that has no feeds; from now on requests are answered.
   *
   * @param more what to serve beside what was given to {@link Builder#service}
   */
  public void serve(List<PortService> more) {
    List<PortService> all = new ArrayList<>(services);
    all.addAll(more);
    server.reconfigure(builder -> routes.apply(builder, all));
    gate.open();
  }

  /**
   * The port that is listened on.
   *
   * @return the number, also where any was asked for
   */
  public int port() {
    return server.activeLocalPort();
  }

  /**
   * Where other services and instances reach this port.
   *
   * @return {@code host:port}
   */
  public String address() {
    return address;
  }

  /**
   * Takes nothing new: ends each open stream after the frame that is being written, refuses calls
   * so that they go elsewhere, and waits for the calls under way, for the grace limit at most. The
   * port goes on refusing until it is {@linkplain #close() closed}. Safe to repeat.
   */
  public void drain() {
    gate.stop();
    endpoints.drain();
    awaitCalls();
  }

  /**
   * {@linkplain #drain() Drains}, then ends all connections, within about a second. What is not
   * done within the grace limit is cut. Safe to repeat.
   */
  @Override
  public void close() {
    drain();
    gate.endConnections(DRAIN);
    CompletableFuture<Void> stopped = server.stop();
    long deadline = System.nanoTime() + graceLimit.plus(CLOSE_MARGIN).toNanos();
    try {
      // The server's last thread rests for two more seconds, which nobody needs to wait for.
      while (!stopped.isDone() && !isShut()) {
        if (System.nanoTime() - deadline > 0) {
          log.warn("Could not close the Tenon port in time [address={}]", address);
          return;
        }
        TimeUnit.MILLISECONDS.sleep(CLOSE_POLL_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void awaitCalls() {
    try {
      if (!gate.awaitEmpty()) {
        log.warn("Could not wait for all calls, some are cut [address={}]", address);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** How many connections there are. */
  int connections() {
    return server.numConnections();
  }

  private boolean isShut() {
    return server.activePorts().isEmpty() && server.numConnections() == 0;
  }

  /** Collects how the port is to be. Not thread-safe. */
  public static final class Builder {
    private final ServiceIdentity identity;
    private int port;
    private String bindAddress = "127.0.0.1";
    private @Nullable String advertisedHost;
    private Duration heartbeat = Duration.ofSeconds(5);
    private Duration batchTimeMax = FeedPump.BATCH_TIME_MAX;
    private Duration graceLimit = Duration.ofSeconds(10);
    private int frameBytesMax = HttpFeedTransport.FRAME_BYTES_MAX_DEFAULT;
    private int streamsMax = 4096;
    private int streamsPerSubscriberMax = 1024;
    private PortLimits limits = PortLimits.defaults();
    private final List<PortService> services = new ArrayList<>();
    private int callsMax = CALLS_MAX_DEFAULT;
    private TenonRuntime runtime = TenonRuntime.system();

    private Builder(ServiceIdentity identity) {
      this.identity = requireNonNull(identity, "identity");
    }

    /**
     * Which port to listen on; any free one by default.
     *
     * @param value from 0 (any) to 65,535
     * @return this
     */
    public Builder port(int value) {
      port = PortLimits.within("port", value, 0, 65_535);
      return this;
    }

    /**
     * Which of the machine's addresses to listen on; loopback by default. Any other needs an
     * identity with keys.
     *
     * @param value a host name or address; {@code 0.0.0.0} for all
     * @return this
     */
    public Builder bindAddress(String value) {
      bindAddress = requireNonNull(value, "bindAddress");
      return this;
    }

    /**
     * The host by which others reach this port; what it is bound to by default, and the machine's
     * own name if that is all addresses.
     *
     * @param value a host name or address
     * @return this
     */
    public Builder advertisedHost(String value) {
      advertisedHost = requireNonNull(value, "advertisedHost");
      return this;
    }

    Builder batchTimeMax(Duration value) {
      batchTimeMax = value;
      return this;
    }

    /**
     * How long a stream is silent before it sends a heartbeat; 5 s by default. A reader takes three
     * times as much for a broken stream.
     *
     * @param value from 10 ms to 1 min
     * @return this
     */
    public Builder heartbeat(Duration value) {
      if (value.compareTo(Duration.ofMillis(10)) < 0
          || value.compareTo(Duration.ofMinutes(1)) > 0) {
        throw new IllegalArgumentException("heartbeat: " + value + " (expected: 10 ms..1 min)");
      }
      heartbeat = value;
      return this;
    }

    /**
     * How long {@link TenonPort#close()} waits for what is under way; 10 s by default.
     *
     * @param value zero or more
     * @return this
     */
    public Builder graceLimit(Duration value) {
      if (value.isNegative()) {
        throw new IllegalArgumentException("graceLimit: " + value + " (expected: >= 0)");
      }
      graceLimit = value;
      return this;
    }

    /**
     * The most payload bytes of a frame, which is one batch; 64 MiB by default.
     *
     * @param value from 1 to 1 GiB
     * @return this
     */
    public Builder frameBytesMax(int value) {
      frameBytesMax = PortLimits.within("frameBytesMax", value, 1, 1 << 30);
      return this;
    }

    /**
     * The most open streams; 4,096 by default. More are answered 503.
     *
     * @param value from 1
     * @return this
     */
    public Builder streamsMax(int value) {
      streamsMax = PortLimits.within("streamsMax", value, 1, Integer.MAX_VALUE);
      return this;
    }

    /**
     * The most open streams of one subscriber, over all its instances; 1,024 by default.
     *
     * @param value from 1
     * @return this
     */
    public Builder streamsPerSubscriberMax(int value) {
      streamsPerSubscriberMax =
          PortLimits.within("streamsPerSubscriberMax", value, 1, Integer.MAX_VALUE);
      return this;
    }

    /**
     * What peers can take of this port; {@link PortLimits#defaults()} unless set.
     *
     * @param value the limits
     * @return this
     */
    public Builder limits(PortLimits value) {
      limits = requireNonNull(value, "limits");
      return this;
    }

    /**
     * Serves more on this port.
     *
     * @param value what to serve; its paths do not begin with {@code /tenon/}
     * @return this
     */
    public Builder service(PortService value) {
      services.add(requireNonNull(value, "service"));
      return this;
    }

    /**
     * How many calls of such services may be under way; 4,096 by default. More are refused, so that
     * the caller can go elsewhere.
     *
     * @param value from 1
     * @return this
     */
    public Builder callsMax(int value) {
      callsMax = PortLimits.within("callsMax", value, 1, Integer.MAX_VALUE);
      return this;
    }

    /**
     * Where threads come from; the system's runtime unless set.
     *
     * @param value the runtime
     * @return this
     */
    public Builder runtime(TenonRuntime value) {
      runtime = requireNonNull(value, "runtime");
      return this;
    }

    /**
     * Opens the port.
     *
     * @return the open port
     * @throws TransportException if it is in use or cannot be bound, or if it is not on loopback
     *     and the identity has no keys; nothing is left open
     */
    public TenonPort open() {
      InetAddress bound = resolve();
      if (!bound.isLoopbackAddress() && identity.isDevelopment()) {
        throw failed(
            "without service keys everybody could read the feed. Make keys or certificates, or bind"
                + " to loopback.",
            null);
      }
      FeedEndpoints endpoints =
          new FeedEndpoints(
              identity,
              new FeedEndpoints.Limits(
                  heartbeat,
                  batchTimeMax,
                  frameBytesMax,
                  streamsMax,
                  streamsPerSubscriberMax,
                  limits.requestBytesMax()),
              runtime.threads());
      CallGate gate = new CallGate(identity, runtime.clock(), callsMax, graceLimit);
      HandlerThreads handlers = new HandlerThreads(runtime.threads());
      PortRoutes routes = new PortRoutes(settings(), endpoints, gate, handlers);
      Server server = server(new InetSocketAddress(bound, port), routes, handlers);
      try {
        server.start().join();
      } catch (CompletionException e) {
        Throwable cause = e.getCause() == null ? e : e.getCause();
        throw failed(
            cause instanceof IOException && String.valueOf(cause.getMessage()).contains("in use")
                ? "already in use. Set another port, or stop the process that has it."
                : cause.getMessage() + ". Check address and port.",
            cause);
      }
      return new TenonPort(
          server, endpoints, gate, routes, services, advertised(bound), graceLimit);
    }

    private Server server(InetSocketAddress address, PortRoutes routes, HandlerThreads handlers) {
      var builder = Server.builder();
      routes.applyWhileStarting(builder);
      return builder
          .serverListener(
              ServerListener.builder().whenStopped(server -> handlers.shutdown()).build())
          .port(
              address,
              identity.serverTls().isPresent() ? SessionProtocol.HTTPS : SessionProtocol.HTTP)
          .build();
    }

    /** What is no route, and must be said again whenever routes change. */
    private Consumer<ServerBuilder> settings() {
      // A connection whose reads and writes rest is pinged, and cut when the answer stays away.
      Duration share = heartbeat.multipliedBy(3).dividedBy(5);
      Duration ping = share.compareTo(Duration.ofSeconds(1)) < 0 ? Duration.ofSeconds(1) : share;
      Duration grace = graceLimit.compareTo(QUIET) < 0 ? QUIET : graceLimit;
      Optional<TlsProvider> provider = identity.serverTls();
      PortLimits portLimits = limits;
      PeerGuard.ByAddress byAddress = new PeerGuard.ByAddress();
      return builder -> {
        portLimits.applyTo(builder, byAddress);
        builder
            .pingInterval(ping)
            .childChannelOption(ChannelOption.SO_KEEPALIVE, true)
            .gracefulShutdownTimeout(QUIET, grace)
            .connectionDrainDuration(DRAIN);
        ServerTlsConfig asking = ServerTlsConfig.builder().clientAuth(ClientAuth.OPTIONAL).build();
        provider.ifPresent(tls -> builder.tlsProvider(tls, asking));
      };
    }

    private InetAddress resolve() {
      try {
        return InetAddress.getByName(bindAddress);
      } catch (UnknownHostException e) {
        throw failed("the address is not known. Check it.", e);
      }
    }

    private String advertised(InetAddress bound) {
      String host = advertisedHost;
      if (host == null) {
        host = bound.getHostAddress();
        if (bound.isAnyLocalAddress()) {
          try {
            host = InetAddress.getLocalHost().getHostName();
          } catch (UnknownHostException e) {
            throw failed("this machine's own name is not known. Set the advertised host.", e);
          }
        }
      }
      return host.contains(":") ? "[" + host + "]" : host;
    }

    private TransportException failed(String reason, @Nullable Throwable cause) {
      String message =
          "Could not open the Tenon port [port=%d, address=%s, service=%s]: %s"
              .formatted(port, bindAddress, identity.service(), reason);
      return cause == null
          ? new TransportException(message)
          : new TransportException(message, cause);
    }
  }
}
