package dev.tenon.grpc;

import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.HttpHeaders;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.grpc.protocol.GrpcHeaderNames;
import com.linecorp.armeria.common.grpc.protocol.StatusMessageEscaper;
import dev.tenon.invocation.Call.Result;
import dev.tenon.invocation.Problem;
import io.grpc.Metadata;
import io.grpc.Status;

/**
 * What an HTTP answer says in gRPC's terms.
 *
 * @param status the status
 * @param problem what it says if it is not OK
 * @param headers the metadata before the message
 * @param trailers the metadata after it
 */
record UnaryAnswer(Status status, Problem problem, Metadata headers, Metadata trailers) {
  private static final int OK = 200;
  private static final int BAD_GATEWAY = 502;
  private static final Problem NONE = Problem.of(OK, "ok", "");

  static UnaryAnswer of(AggregatedHttpResponse response) {
    int http = response.status().code();
    HttpHeaders end = end(response);
    if (http != OK || !end.contains(GrpcHeaderNames.GRPC_STATUS)) {
      return notGrpc(http == OK ? BAD_GATEWAY : http, response);
    }
    Metadata trailers = WireMetadata.read(end);
    Status status = Status.fromCodeValue(end.getInt(GrpcHeaderNames.GRPC_STATUS, -1));
    String message = end.get(GrpcHeaderNames.GRPC_MESSAGE);
    if (message != null) {
      status = status.withDescription(StatusMessageEscaper.unescape(message));
    }
    return new UnaryAnswer(
        status,
        status.isOk() ? NONE : StatusMapping.problem(status, trailers),
        WireMetadata.read(response.headers()),
        trailers);
  }

  /** What an answer amounts to for the call. */
  static Result result(AggregatedHttpResponse response) {
    boolean ok =
        response.status().code() == OK
            && end(response).getInt(GrpcHeaderNames.GRPC_STATUS, -1) == Status.Code.OK.value();
    return ok ? new Result.Answered(OK) : Result.of(of(response).problem());
  }

  private static HttpHeaders end(AggregatedHttpResponse response) {
    HttpHeaders trailers = response.trailers();
    return trailers.contains(GrpcHeaderNames.GRPC_STATUS) ? trailers : response.headers();
  }

  /** From something before the service: a port without it, a proxy. */
  private static UnaryAnswer notGrpc(int http, AggregatedHttpResponse response) {
    MediaType type = response.contentType();
    boolean document = type != null && type.nameWithoutParameters().equals(Problem.MEDIA_TYPE);
    Problem problem = Problem.read(http, document ? response.content().array() : new byte[0]);
    Status status = StatusMapping.code(http).toStatus().withDescription(problem.detail());
    return new UnaryAnswer(status, problem, new Metadata(), new Metadata());
  }
}
