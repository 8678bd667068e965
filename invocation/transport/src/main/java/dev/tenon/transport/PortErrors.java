package dev.tenon.transport;

import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.util.Exceptions;
import com.linecorp.armeria.server.HttpStatusException;
import com.linecorp.armeria.server.RequestTimeoutException;
import com.linecorp.armeria.server.ServerErrorHandler;
import com.linecorp.armeria.server.ServiceConfig;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.invocation.Problem;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers what no endpoint answers, as problem documents too. Thread-safe. */
final class PortErrors implements ServerErrorHandler {
  private static final Logger log = LoggerFactory.getLogger(PortErrors.class);

  @Override
  public HttpResponse onServiceException(ServiceRequestContext context, Throwable cause) {
    HttpStatus status =
        switch (cause) {
          case HttpStatusException e -> e.httpStatus();
          case RequestTimeoutException e ->
              IncomingCall.isOn(context)
                  ? HttpStatus.GATEWAY_TIMEOUT // a handler was asked, and may still be at it
                  : HttpStatus.SERVICE_UNAVAILABLE;
          default -> HttpStatus.INTERNAL_SERVER_ERROR;
        };
    // A peer that went away is no reason to write a line for each of its requests.
    if (status.equals(HttpStatus.INTERNAL_SERVER_ERROR) && !Exceptions.isExpected(cause)) {
      log.warn("Could not answer [path={}]", context.path(), cause);
    }
    return problem(status, null).toHttpResponse();
  }

  @Override
  public AggregatedHttpResponse renderStatus(
      @Nullable ServiceRequestContext context,
      ServiceConfig config,
      @Nullable RequestHeaders headers,
      HttpStatus status,
      @Nullable String description,
      @Nullable Throwable cause) {
    return problem(status, description);
  }

  private static AggregatedHttpResponse problem(HttpStatus status, @Nullable String description) {
    String reason =
        switch (status.code()) {
          case 404 -> "no-such-path";
          case 405 -> "no-such-method";
          case 413, 414, 431 -> Problems.TOO_LARGE;
          case 503 -> "unreachable";
          case 504 -> "deadline";
          default -> status.code() < 500 ? "invalid" : "internal";
        };
    String detail = description == null ? status.reasonPhrase() : description;
    return Problems.response(Problem.of(status.code(), reason, detail));
  }
}
