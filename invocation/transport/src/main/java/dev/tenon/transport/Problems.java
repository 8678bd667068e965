package dev.tenon.transport;

import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.ResponseHeadersBuilder;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;

/** The problems that this port answers with, and what a problem of another's means for the feed. */
final class Problems {
  static final String UNAUTHENTICATED = "unauthenticated";
  static final String TOO_LARGE = "too-large";
  private static final MediaType MEDIA_TYPE = MediaType.parse(Problem.MEDIA_TYPE);

  private Problems() {}

  static Problem invalid(String detail) {
    return Problem.of(400, "invalid", detail);
  }

  static Problem unauthenticated(String detail) {
    return Problem.of(401, UNAUTHENTICATED, detail);
  }

  static Problem forbidden(String detail) {
    return Problem.of(403, "forbidden", detail);
  }

  static Problem unreachable(String detail) {
    return Problem.of(503, "unreachable", detail);
  }

  static Problem of(FeedException e) {
    String detail = String.valueOf(e.getMessage());
    return switch (e.reason()) {
      case FORBIDDEN -> forbidden(detail);
      case UNKNOWN_TOPIC -> Problem.of(404, "unknown-topic", detail);
      case UNKNOWN_POSITION -> Problem.of(409, "unknown-position", detail);
      case INVALID -> invalid(detail);
      case UNREACHABLE, CLOSED -> unreachable(detail);
    };
  }

  static Reason feedReason(Problem problem) {
    int status = problem.status();
    return switch (problem.reason().orElse("")) {
      case "forbidden", UNAUTHENTICATED -> Reason.FORBIDDEN;
      case "unknown-topic" -> Reason.UNKNOWN_TOPIC;
      case "unknown-position" -> Reason.UNKNOWN_POSITION;
      case "invalid", TOO_LARGE -> Reason.INVALID;
      case "unreachable" -> Reason.UNREACHABLE;
      default -> {
        if (status == 401 || status == 403) {
          yield Reason.FORBIDDEN;
        }
        boolean passing = status >= 500 || status == 408 || status == 429;
        yield passing ? Reason.UNREACHABLE : Reason.INVALID;
      }
    };
  }

  static AggregatedHttpResponse response(Problem problem) {
    return AggregatedHttpResponse.of(headers(problem).build(), HttpData.wrap(problem.json()));
  }

  private static ResponseHeadersBuilder headers(Problem problem) {
    ResponseHeadersBuilder headers =
        ResponseHeaders.builder(HttpStatus.valueOf(problem.status())).contentType(MEDIA_TYPE);
    if (problem.status() == 401) {
      headers.set(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer");
    }
    return headers;
  }
}
