package dev.tenon.transport;

import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Route;
import dev.tenon.invocation.Problem;
import java.util.Set;
import java.util.function.Function;

/**
 * Something to serve on the Tenon port, to callers that are known.
 *
 * <p>Each request is taken only when the port serves and is not stopping, from a caller that proves
 * who it is, before the caller's deadline, and while fewer requests than allowed are under way; it
 * finds out more by {@link IncomingCall#of}. Handlers that block use the context's blocking task
 * executor, which gives each a virtual thread.
 *
 * @param routes which requests it answers
 * @param service what answers them; not called on requests that are refused
 * @param problems writes a problem as this kind of service does
 */
public record PortService(
    Set<Route> routes, HttpService service, Function<Problem, HttpResponse> problems) {

  /** Copies the routes. */
  public PortService {
    routes = Set.copyOf(routes);
  }

  /**
   * A service whose problems are problem documents.
   *
   * @param routes which requests it answers
   * @param service what answers them
   * @return the service
   */
  public static PortService of(Set<Route> routes, HttpService service) {
    return new PortService(routes, service, PortService::document);
  }

  /**
   * Writes a problem document.
   *
   * @param problem what to say
   * @return the answer
   */
  public static HttpResponse document(Problem problem) {
    return Problems.response(problem).toHttpResponse();
  }
}
