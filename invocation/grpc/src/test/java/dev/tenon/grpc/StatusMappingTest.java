package dev.tenon.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import dev.tenon.invocation.Problem;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class StatusMappingTest {
  @ParameterizedTest
  @CsvSource({
    "200, OK",
    "302, UNKNOWN",
    "400, INVALID_ARGUMENT",
    "401, UNAUTHENTICATED",
    "402, FAILED_PRECONDITION",
    "403, PERMISSION_DENIED",
    "404, NOT_FOUND",
    "405, UNIMPLEMENTED",
    "406, INVALID_ARGUMENT",
    "408, DEADLINE_EXCEEDED",
    "409, ABORTED",
    "410, FAILED_PRECONDITION",
    "412, FAILED_PRECONDITION",
    "413, RESOURCE_EXHAUSTED",
    "415, INVALID_ARGUMENT",
    "416, OUT_OF_RANGE",
    "422, INVALID_ARGUMENT",
    "429, RESOURCE_EXHAUSTED",
    "431, RESOURCE_EXHAUSTED",
    "499, CANCELLED",
    "500, INTERNAL",
    "501, UNIMPLEMENTED",
    "502, UNAVAILABLE",
    "503, UNAVAILABLE",
    "504, DEADLINE_EXCEEDED",
    "507, INTERNAL"
  })
  void tellsTheCodeOfAnHttpStatus(int http, Status.Code code) {
    assertThat(StatusMapping.code(http)).isEqualTo(code);
  }

  @ParameterizedTest
  @CsvSource({
    "OK, 200",
    "CANCELLED, 499",
    "UNKNOWN, 500",
    "INVALID_ARGUMENT, 400",
    "DEADLINE_EXCEEDED, 504",
    "NOT_FOUND, 404",
    "ALREADY_EXISTS, 409",
    "PERMISSION_DENIED, 403",
    "RESOURCE_EXHAUSTED, 429",
    "FAILED_PRECONDITION, 400",
    "ABORTED, 409",
    "OUT_OF_RANGE, 400",
    "UNIMPLEMENTED, 501",
    "INTERNAL, 500",
    "UNAVAILABLE, 503",
    "DATA_LOSS, 500",
    "UNAUTHENTICATED, 401"
  })
  void tellsTheHttpStatusOfACode(Status.Code code, int http) {
    assertThat(StatusMapping.httpStatus(code)).isEqualTo(http);
  }

  @ParameterizedTest
  @EnumSource(value = Status.Code.class, mode = EnumSource.Mode.EXCLUDE, names = "OK")
  void makesAProblemOfEveryCode(Status.Code code) {
    Problem problem = StatusMapping.problem(code.toStatus().withDescription("why"), new Metadata());

    assertThat(problem.status()).isEqualTo(StatusMapping.httpStatus(code));
    assertThat(problem.detail()).isEqualTo("why");
    assertThat(problem.reason()).hasValue(code.name().toLowerCase().replace('_', '-'));
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 402, 404, 405, 408, 409, 410, 412, 413, 422, 429, 500, 502, 503, 507})
  void givesAProblemBackAsItWas(int status) {
    Map<String, Object> members =
        Map.of(Problem.REASON, "sold-out", "left", 3, "items", List.of("a", "b"));
    Problem problem = new Problem(status, "https://x.test/sold", "Sold", "Nur 3 übrig.", members);

    assertThat(StatusMapping.problem(StatusMapping.exception(problem))).isEqualTo(problem);
  }

  @Test
  void tellsReasonAndMembersToClientsOfAnyKind() throws Exception {
    Map<String, Object> members = Map.of(Problem.REASON, "sold-out", "left", 3);
    StatusRuntimeException failure =
        StatusMapping.exception(new Problem(409, "about:blank", "Conflict", "None.", members));

    ErrorInfo info = StatusProto.fromThrowable(failure).getDetails(0).unpack(ErrorInfo.class);

    assertThat(failure.getStatus().getDescription()).isEqualTo("None.");
    assertThat(info.getReason()).isEqualTo("sold-out");
    assertThat(info.getDomain()).isEqualTo(StatusMapping.DOMAIN);
    assertThat(info.getMetadataMap()).isEqualTo(Map.of("left", "3"));
  }

  @Test
  void readsTheErrorInfoOfServersThatSendNoDocument() {
    ErrorInfo info =
        ErrorInfo.newBuilder().setReason("GONE").setDomain("x").putMetadata("id", "7").build();
    StatusRuntimeException failure =
        StatusProto.toStatusRuntimeException(
            com.google.rpc.Status.newBuilder()
                .setCode(Status.Code.NOT_FOUND.value())
                .setMessage("no such thing")
                .addDetails(Any.pack(info))
                .build());

    Problem problem = StatusMapping.problem(failure);

    assertThat(problem.status()).isEqualTo(404);
    assertThat(problem.detail()).isEqualTo("no such thing");
    assertThat(problem.reason()).hasValue("GONE");
    assertThat(problem.members()).containsEntry("id", "7");
  }

  @Test
  void believesTheCodeRatherThanADocumentThatContradictsIt() {
    var status = StatusMapping.status(Problem.of(404, "gone", "gone")).toBuilder().setCode(13);

    Problem problem = StatusMapping.problem(StatusProto.toStatusRuntimeException(status.build()));

    assertThat(problem.status()).isEqualTo(500);
    assertThat(problem.reason()).hasValue("gone");
  }

  @Test
  void leavesOutTheMembersOfALargeDocument() {
    Map<String, Object> members = Map.of(Problem.REASON, "large", "more", "x".repeat(100_000));
    Problem problem = new Problem(409, "about:blank", "Conflict", "y".repeat(9000), members);

    com.google.rpc.Status status = StatusMapping.status(problem);
    Problem told = StatusMapping.problem(StatusProto.toStatusRuntimeException(status));

    assertThat(status.getSerializedSize()).isLessThan(2 * StatusMapping.DOCUMENT_BYTES_MAX);
    assertThat(told.status()).isEqualTo(409);
    assertThat(told.reason()).hasValue("large");
    assertThat(told.detail()).startsWith("yyy").hasSizeLessThan(600);
  }
}
