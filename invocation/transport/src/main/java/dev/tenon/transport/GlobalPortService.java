package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.ContentTooLargeException;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.util.Exceptions;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Route;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.global.spi.GlobalEndpoint;
import dev.tenon.invocation.Problem;
import dev.tenon.schema.Dialect;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Phase two of distributed transactions on the Tenon port: the orders of starters, and the
 * questions of participants, as JSON. Only callers that have proved who they are get here.
 */
public final class GlobalPortService {
  /** Where a starter tells a participant how branches end. */
  public static final String FINISH = "/tenon/global/v1/finish";

  /** Where a participant asks a starter how branches end. */
  public static final String INQUIRE = "/tenon/global/v1/inquire";

  private static final Logger log = LoggerFactory.getLogger(GlobalPortService.class);

  private final GlobalEndpoint endpoint;

  /** Answers a request whose sender is known. */
  @FunctionalInterface
  private interface Operation {
    byte[] answer(String caller, byte[] body);
  }

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
    HttpService finishing = served.serving(served::finish);
    HttpService inquiring = served.serving(served::inquire);
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

  private HttpService serving(Operation operation) {
    return (context, request) -> {
      CompletableFuture<HttpResponse> answer = new CompletableFuture<>();
      gather(operation, context, request, answer);
      return HttpResponse.of(answer);
    };
  }

  private static void gather(
      Operation operation,
      ServiceRequestContext context,
      HttpRequest request,
      CompletableFuture<HttpResponse> answer) {
    var unused =
        request
            .aggregate()
            .handle(
                (whole, failure) -> {
                  run(operation, context, whole, failure, answer);
                  return null;
                });
  }

  private static void run(
      Operation operation,
      ServiceRequestContext context,
      @Nullable AggregatedHttpRequest request,
      @Nullable Throwable failure,
      CompletableFuture<HttpResponse> answer) {
    if (request == null) {
      answer.complete(PortService.document(unreadable(failure)));
      return;
    }
    String caller = IncomingCall.of(context).caller();
    byte[] body = request.content().array();
    try {
      context
          .blockingTaskExecutor()
          .execute(() -> answer.complete(answer(operation, caller, body, request.path())));
    } catch (RejectedExecutionException e) {
      answer.complete(PortService.document(Problems.unreachable("The service is stopping.")));
    }
  }

  private static HttpResponse answer(Operation operation, String caller, byte[] body, String path) {
    try {
      return HttpResponse.of(HttpStatus.OK, MediaType.JSON, operation.answer(caller, body));
    } catch (ProblemException e) {
      return PortService.document(e.problem());
    } catch (IllegalArgumentException e) {
      return PortService.document(Problems.invalid(String.valueOf(e.getMessage())));
    } catch (RuntimeException e) {
      if (Dialect.connectionLostBehind(e)) {
        log.warn("Could not answer, as the database is away [path={}, caller={}]", path, caller);
        return PortService.document(ServiceProblems.databaseAway());
      }
      log.warn("Could not answer [path={}, caller={}]", path, caller, e);
      return PortService.document(
          Problem.of(500, "internal", "The service failed; its own log says why."));
    }
  }

  private static Problem unreadable(@Nullable Throwable failure) {
    return failure != null && Exceptions.peel(failure) instanceof ContentTooLargeException e
        ? Problem.of(
            413,
            Problems.TOO_LARGE,
            "body: too large (expected: at most " + e.maxContentLength() + " bytes)")
        : Problems.invalid("body: it could not be read to its end");
  }
}
