package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.RequestHeaders;
import dev.tenon.invocation.Call;
import dev.tenon.invocation.Target;
import java.util.function.Function;

/**
 * A request to a service, whole in memory so that it can be sent again.
 *
 * @param target what is called
 * @param repeatable whether it may be sent again when nobody knows what became of it
 * @param headers method, path and headers; those of the context, the deadline and the identity are
 *     added by each attempt
 * @param body the body; not a pooled one
 * @param judge says what an answer amounts to; for gRPC it stands in the trailers
 */
public record CallRequest(
    Target target,
    Call.Repeatable repeatable,
    RequestHeaders headers,
    HttpData body,
    Function<AggregatedHttpResponse, Call.Result> judge) {

  /** Checks that nothing is missing. */
  public CallRequest {
    requireNonNull(target, "target");
    requireNonNull(repeatable, "repeatable");
    requireNonNull(headers, "headers");
    requireNonNull(body, "body");
    requireNonNull(judge, "judge");
  }

  /**
   * A request whose answers say their status as HTTP does.
   *
   * @param target what is called
   * @param repeatable whether it may be sent again when nobody knows what became of it
   * @param headers method, path and headers
   * @param body the body; not a pooled one
   * @return the request
   */
  public static CallRequest of(
      Target target, Call.Repeatable repeatable, RequestHeaders headers, HttpData body) {
    return new CallRequest(target, repeatable, headers, body, CallResults::ofAnswer);
  }
}
