package dev.tenon.transport;

import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Route;
import com.linecorp.armeria.server.ServerBuilder;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** What is answered on the Tenon port: its own paths, and the services that were given to it. */
final class PortRoutes {
  private final Consumer<ServerBuilder> settings;
  private final FeedEndpoints endpoints;
  private final CallGate gate;
  private final HandlerThreads handlers;

  PortRoutes(
      Consumer<ServerBuilder> settings,
      FeedEndpoints endpoints,
      CallGate gate,
      HandlerThreads handlers) {
    this.settings = settings;
    this.endpoints = endpoints;
    this.gate = gate;
    this.handlers = handlers;
  }

  /** Before all services are known: what is not known yet is told to come again. */
  void applyWhileStarting(ServerBuilder builder) {
    apply(builder);
    PortService unknown =
        PortService.of(
            Set.of(Route.ofCatchAll()),
            (context, request) -> {
              throw new IllegalStateException("gate: open (expected: closed)");
            });
    builder.route().addRoute(Route.ofCatchAll()).build(gate.before(unknown));
  }

  void apply(ServerBuilder builder, List<PortService> services) {
    apply(builder);
    for (PortService service : services) {
      HttpService gated = gate.before(service);
      for (Route route : service.routes()) {
        builder.route().addRoute(route).blockingTaskExecutor(handlers, false).build(gated);
      }
    }
  }

  private void apply(ServerBuilder builder) {
    settings.accept(builder);
    builder
        .service(route(HttpMethod.POST, FeedEndpoints.FEED), endpoints.feed())
        .service(route(HttpMethod.POST, FeedEndpoints.REPORT), endpoints.report())
        .service(route(HttpMethod.POST, FeedEndpoints.WAKE), endpoints.wake())
        .service(route(HttpMethod.GET, FeedEndpoints.HEALTH), FeedEndpoints.health(gate::isOpen))
        .errorHandler(new PortErrors())
        .disableServerHeader()
        .disableDateHeader()
        .meterRegistry(new CompositeMeterRegistry()) // a new one each time: nothing is read from it
        .verboseResponses(false);
  }

  private static Route route(HttpMethod method, String path) {
    return Route.builder().path(path).methods(method).build();
  }
}
