package dev.tenon.transport;

import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.ResponseHeadersBuilder;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;
import dev.tenon.runtime.Json;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * A problem document of RFC 9457 with a stable {@code reason}: how an error goes over the wire.
 *
 * @param status the HTTP status
 * @param reason the stable word that a program may branch on
 * @param detail what could not be done, why, and what to do
 */
record Problem(int status, String reason, String detail) {
  static final String UNAUTHENTICATED = "unauthenticated";
  static final String TOO_LARGE = "too-large";
  private static final MediaType MEDIA_TYPE = MediaType.create("application", "problem+json");

  static Problem invalid(String detail) {
    return new Problem(400, "invalid", detail);
  }

  static Problem unauthenticated(String detail) {
    return new Problem(401, UNAUTHENTICATED, detail);
  }

  static Problem forbidden(String detail) {
    return new Problem(403, "forbidden", detail);
  }

  static Problem unreachable(String detail) {
    return new Problem(503, "unreachable", detail);
  }

  static Problem of(FeedException e) {
    String detail = String.valueOf(e.getMessage());
    return switch (e.reason()) {
      case FORBIDDEN -> forbidden(detail);
      case UNKNOWN_TOPIC -> new Problem(404, "unknown-topic", detail);
      case UNKNOWN_POSITION -> new Problem(409, "unknown-position", detail);
      case INVALID -> invalid(detail);
      case UNREACHABLE, CLOSED -> unreachable(detail);
    };
  }

  /** Reads a document, or makes one up by the status where there is none (a proxy's page). */
  static Problem read(int status, byte[] body) {
    try {
      JsonNode root = Json.mapper().readTree(body);
      if (root.isObject() && root.path("reason").isString()) {
        return new Problem(
            status, root.path("reason").stringValue(), root.path("detail").asString(""));
      }
    } catch (JacksonException e) {
      return new Problem(status, "", "status " + status + " without a readable problem document");
    }
    return new Problem(status, "", "status " + status + " without a problem document");
  }

  Reason feedReason() {
    return switch (reason) {
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

  Map<String, Object> members() {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("type", "about:blank");
    members.put("title", HttpStatus.valueOf(status).reasonPhrase());
    members.put("status", status);
    members.put("reason", reason);
    members.put("detail", detail);
    return members;
  }

  AggregatedHttpResponse response() {
    ResponseHeadersBuilder headers =
        ResponseHeaders.builder(HttpStatus.valueOf(status)).contentType(MEDIA_TYPE);
    if (status == 401) {
      headers.set(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer");
    }
    return AggregatedHttpResponse.of(headers.build(), HttpData.wrap(Json.write(members())));
  }

  /** Carries a problem up to where the answer is written. */
  static final class Exception extends TransportException {
    private static final long serialVersionUID = 1L;
    private final transient Problem problem;

    Exception(Problem problem) {
      super(problem.detail());
      this.problem = problem;
    }

    Problem problem() {
      return problem;
    }
  }
}
