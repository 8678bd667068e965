package dev.tenon.rest;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.ContentTooLargeException;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.util.Exceptions;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Route;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.invocation.Problem;
import dev.tenon.transport.IncomingCall;
import dev.tenon.transport.PortService;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Gathers a request's body, and runs the method that its route stands for on a thread of its own.
 */
final class RestDispatcher implements HttpService {
  private final Map<Route, RestMethod> methods;

  RestDispatcher(Map<Route, RestMethod> methods) {
    this.methods = Map.copyOf(methods);
  }

  @Override
  public HttpResponse serve(ServiceRequestContext context, HttpRequest request) {
    RestMethod method = methods.get(context.config().route());
    if (method == null) {
      throw new IllegalStateException("route: " + context.config().route() + " (expected: ours)");
    }
    CompletableFuture<HttpResponse> answer = new CompletableFuture<>();
    var unused =
        request
            .aggregate()
            .handle(
                (whole, failure) -> {
                  run(method, context, whole, failure, answer);
                  return null;
                });
    return HttpResponse.of(answer);
  }

  private static void run(
      RestMethod method,
      ServiceRequestContext context,
      @Nullable AggregatedHttpRequest request,
      @Nullable Throwable failure,
      CompletableFuture<HttpResponse> answer) {
    if (request == null) {
      answer.complete(PortService.document(unreadable(failure)));
      return;
    }
    IncomingCall call = IncomingCall.of(context);
    try {
      context
          .blockingTaskExecutor()
          .execute(
              () ->
                  call.context()
                      .run(
                          () ->
                              answer.complete(method.answer(call, context, request).toResponse())));
    } catch (RejectedExecutionException e) {
      answer.complete(
          PortService.document(Problem.of(503, "unreachable", "The service is stopping.")));
    }
  }

  private static Problem unreadable(@Nullable Throwable failure) {
    return failure != null && Exceptions.peel(failure) instanceof ContentTooLargeException e
        ? Problem.of(
            413,
            "too-large",
            "body: too large (expected: at most " + e.maxContentLength() + " bytes)")
        : Problem.of(400, "invalid", "body: it could not be read to its end");
  }
}
