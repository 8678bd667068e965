package dev.tenon.grpc;

import static java.util.Objects.requireNonNull;

import com.google.api.HttpBody;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.tenon.invocation.Problem;
import dev.tenon.runtime.Json;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * The one mapping between problems (RFC 9457), which REST answers with, and statuses, which gRPC
 * answers with.
 *
 * <p>A problem becomes a {@code google.rpc.Status} with two details: {@code ErrorInfo} with the
 * problem's reason and its text members, for clients of any kind, and {@code google.api.HttpBody}
 * with the problem document as it is. So a problem comes back as it was, with its exact HTTP
 * status. A document of more than {@value #DOCUMENT_BYTES_MAX} bytes is told without its further
 * members. Thread-safe.
 */
public final class StatusMapping {
  /** Whose words the reasons in {@code ErrorInfo} are. */
  public static final String DOMAIN = "dev.tenon";

  /** The most bytes of a problem document that travel in a status; headers are small. */
  public static final int DOCUMENT_BYTES_MAX = 2048;

  private static final int MESSAGE_CHARS_MAX = 512;
  private static final int CLIENT_ERROR = 400;
  private static final int SERVER_ERROR = 500;

  private StatusMapping() {}

  /**
   * The code of an HTTP status.
   *
   * @param httpStatus an HTTP status
   * @return the code; of a 4xx without one of its own {@code FAILED_PRECONDITION}, of such a 5xx
   *     {@code INTERNAL}, of anything else {@code UNKNOWN}
   */
  public static Status.Code code(int httpStatus) {
    return switch (httpStatus) {
      case 200 -> Status.Code.OK;
      case 400, 406, 415, 422 -> Status.Code.INVALID_ARGUMENT;
      case 401 -> Status.Code.UNAUTHENTICATED;
      case 403 -> Status.Code.PERMISSION_DENIED;
      case 404 -> Status.Code.NOT_FOUND;
      case 405, 501 -> Status.Code.UNIMPLEMENTED;
      case 408, 504 -> Status.Code.DEADLINE_EXCEEDED;
      case 409 -> Status.Code.ABORTED;
      case 413, 429, 431 -> Status.Code.RESOURCE_EXHAUSTED;
      case 416 -> Status.Code.OUT_OF_RANGE;
      case 499 -> Status.Code.CANCELLED;
      case 502, 503 -> Status.Code.UNAVAILABLE;
      default -> {
        if (httpStatus >= CLIENT_ERROR && httpStatus < SERVER_ERROR) {
          yield Status.Code.FAILED_PRECONDITION;
        }
        yield httpStatus >= SERVER_ERROR ? Status.Code.INTERNAL : Status.Code.UNKNOWN;
      }
    };
  }

  /**
   * The HTTP status of a code.
   *
   * @param code a code
   * @return the status; {@link #code(int)} of it need not be the same code
   */
  public static int httpStatus(Status.Code code) {
    return switch (code) {
      case OK -> 200;
      case INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE -> 400;
      case UNAUTHENTICATED -> 401;
      case PERMISSION_DENIED -> 403;
      case NOT_FOUND -> 404;
      case ALREADY_EXISTS, ABORTED -> 409;
      case RESOURCE_EXHAUSTED -> 429;
      case CANCELLED -> 499;
      case UNKNOWN, INTERNAL, DATA_LOSS -> 500;
      case UNIMPLEMENTED -> 501;
      case UNAVAILABLE -> 503;
      case DEADLINE_EXCEEDED -> 504;
    };
  }

  /**
   * A problem as what a gRPC handler throws, or gives to {@code onError}.
   *
   * @param problem what to answer
   * @return an exception with the rich status in its trailers
   */
  public static StatusRuntimeException exception(Problem problem) {
    return StatusProto.toStatusRuntimeException(status(problem));
  }

  /**
   * What a status says, as a problem.
   *
   * @param status a status that is not OK
   * @param trailers what came with it
   * @return the problem document in its details; made up of code and message if there is none
   */
  public static Problem problem(Status status, Metadata trailers) {
    requireNonNull(status, "status");
    com.google.rpc.Status rich = StatusProto.fromStatusAndTrailers(status, trailers);
    Map<String, Object> members = new LinkedHashMap<>();
    for (Any detail : rich == null ? List.<Any>of() : rich.getDetailsList()) {
      try {
        if (detail.is(HttpBody.class)) {
          Optional<Problem> whole = document(status.getCode(), detail.unpack(HttpBody.class));
          if (whole.isPresent()) {
            return whole.get();
          }
        } else if (detail.is(ErrorInfo.class)) {
          ErrorInfo info = detail.unpack(ErrorInfo.class);
          members.putAll(info.getMetadataMap());
          members.put(Problem.REASON, info.getReason());
        }
      } catch (InvalidProtocolBufferException e) {
        continue; // a detail that cannot be read tells nothing; the status does
      }
    }
    return madeUp(status, members);
  }

  /**
   * What an exception of a stub says, as a problem.
   *
   * @param failure what a stub threw
   * @return the problem
   */
  public static Problem problem(StatusRuntimeException failure) {
    Metadata trailers = failure.getTrailers();
    return problem(failure.getStatus(), trailers == null ? new Metadata() : trailers);
  }

  /** A problem as a rich status. */
  static com.google.rpc.Status status(Problem problem) {
    byte[] document = problem.json();
    Problem told = problem;
    if (document.length > DOCUMENT_BYTES_MAX) {
      told = shortened(problem);
      document = told.json();
    }
    ErrorInfo.Builder info = ErrorInfo.newBuilder().setDomain(DOMAIN);
    told.members()
        .forEach(
            (name, value) -> {
              if (name.equals(Problem.REASON)) {
                info.setReason(String.valueOf(value));
              } else if (value instanceof String || value instanceof Number) {
                info.putMetadata(name, String.valueOf(value));
              }
            });
    HttpBody body =
        HttpBody.newBuilder()
            .setContentType(Problem.MEDIA_TYPE)
            .setData(ByteString.copyFrom(document))
            .build();
    return com.google.rpc.Status.newBuilder()
        .setCode(code(problem.status()).value())
        .setMessage(told.detail().isEmpty() ? told.title() : cut(told.detail()))
        .addDetails(Any.pack(info.build()))
        .addDetails(Any.pack(body))
        .build();
  }

  private static Problem shortened(Problem problem) {
    Map<String, Object> members = new LinkedHashMap<>();
    problem.reason().ifPresent(reason -> members.put(Problem.REASON, cut(reason)));
    Object lasting = problem.members().get(Problem.LASTING);
    if (lasting != null) {
      members.put(Problem.LASTING, lasting);
    }
    return new Problem(
        problem.status(),
        cut(problem.type()),
        cut(problem.title()),
        cut(problem.detail()),
        members);
  }

  private static String cut(String text) {
    return text.length() <= MESSAGE_CHARS_MAX ? text : text.substring(0, MESSAGE_CHARS_MAX) + "…";
  }

  private static Optional<Problem> document(Status.Code code, HttpBody body) {
    if (!body.getContentType().equals(Problem.MEDIA_TYPE)) {
      return Optional.empty();
    }
    byte[] json = body.getData().toByteArray();
    return Optional.of(Problem.read(exactStatus(code, json), json));
  }

  /** The document's own status, unless it contradicts the code. */
  private static int exactStatus(Status.Code code, byte[] json) {
    int usual = httpStatus(code);
    try {
      int told = Json.mapper().readTree(json).path("status").asInt(usual);
      return code(told) == code ? told : usual;
    } catch (JacksonException e) {
      return usual;
    }
  }

  private static Problem madeUp(Status status, Map<String, Object> members) {
    int http = httpStatus(status.getCode());
    @Nullable String message = status.getDescription();
    Map<String, Object> document = new LinkedHashMap<>(members);
    document.put("detail", message == null ? "gRPC status " + status.getCode() : message);
    document.putIfAbsent(
        Problem.REASON, status.getCode().name().toLowerCase(Locale.ROOT).replace('_', '-'));
    return Problem.read(http, Json.write(document));
  }
}
