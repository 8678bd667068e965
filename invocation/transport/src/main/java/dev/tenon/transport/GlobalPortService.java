package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Route;
import dev.tenon.global.spi.GlobalEndpoint;
import java.util.Set;

/**
 * Phase two of distributed transactions on the Tenon port: the orders of starters, and the
 * questions of participants, as JSON. Only callers that have proved who they are get here.
 */
public final class GlobalPortService {
  /** Where a starter tells a participant how branches end. */
  public static final String FINISH = "/tenon/global/v1/finish";

  /** Where a participant asks a starter how branches end. */
  public static final String INQUIRE = "/tenon/global/v1/inquire";

  private final GlobalEndpoint endpoint;

  private GlobalPortService(GlobalEndpoint endpoint) {
    this.endpoint = requireNonNull(endpoint, "endpoint");
  }

  /**
   * Serves a service's side of phase two.
   *
   * @param endpoint the service's distributed transactions
   * @return what to give to the Tenon port
   */
  public static PortService of(GlobalEndpoint endpoint) {
    GlobalPortService served = new GlobalPortService(endpoint);
    Route finish = route(FINISH);
    HttpService finishing =
        WholeRequests.serving((context, caller, body) -> served.finish(caller, body));
    HttpService inquiring =
        WholeRequests.serving((context, caller, body) -> served.inquire(caller, body));
    return PortService.of(
        Set.of(finish, route(INQUIRE)),
        (context, request) ->
            context.config().route().equals(finish)
                ? finishing.serve(context, request)
                : inquiring.serve(context, request));
  }

  private static Route route(String path) {
    return Route.builder().path(path).methods(HttpMethod.POST).build();
  }

  private byte[] finish(String caller, byte[] body) {
    return GlobalMessages.results(endpoint.finish(caller, GlobalMessages.readOrders(body)));
  }

  private byte[] inquire(String caller, byte[] body) {
    return GlobalMessages.answers(endpoint.inquire(caller, GlobalMessages.readQuestions(body)));
  }
}
