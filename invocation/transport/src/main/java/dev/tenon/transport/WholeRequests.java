package dev.tenon.transport;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.ContentTooLargeException;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.util.Exceptions;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.invocation.Problem;
import dev.tenon.schema.Dialect;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers requests with JSON on threads that may block, each when its whole body is there. */
final class WholeRequests {
  private static final Logger log = LoggerFactory.getLogger(WholeRequests.class);

  private WholeRequests() {}

  /** Answers a request whose sender is known. */
  @FunctionalInterface
  interface Operation {
    /**
     * Answers with JSON; a {@link ProblemException} or an {@link IllegalArgumentException} says
     * what is wrong with the request.
     */
    byte[] answer(ServiceRequestContext context, String caller, byte[] body);
  }

  static HttpService serving(Operation operation) {
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
    byte[] body = request.content().array();
    try {
      context
          .blockingTaskExecutor()
          .execute(() -> answer.complete(answer(operation, context, body)));
    } catch (RejectedExecutionException e) {
      answer.complete(PortService.document(Problems.unreachable("The service is stopping.")));
    }
  }

  private static HttpResponse answer(
      Operation operation, ServiceRequestContext context, byte[] body) {
    String caller = IncomingCall.of(context).caller();
    try {
      return HttpResponse.of(
          HttpStatus.OK, MediaType.JSON, operation.answer(context, caller, body));
    } catch (ProblemException e) {
      return PortService.document(e.problem());
    } catch (IllegalArgumentException e) {
      return PortService.document(Problems.invalid(String.valueOf(e.getMessage())));
    } catch (RuntimeException e) {
      String path = context.path();
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
