package dev.tenon.rest;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.ResponseHeadersBuilder;
import dev.tenon.global.Listing;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.StoredReply;
import dev.tenon.transport.ServiceProblems;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.http.ResponseEntity;

/** What a call is answered with, before it is on the wire. */
@SuppressWarnings("ArrayRecordComponent") // never compared
record RestReply(int status, Map<String, String> headers, byte[] body) {
  private static final String CONTENT_TYPE = "content-type";
  private static final String RETRY_AFTER = "retry-after";
  private static final int OK = 200;
  private static final int NO_CONTENT = 204;
  private static final int NOT_FOUND = 404;

  static RestReply of(Problem problem) {
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put(CONTENT_TYPE, Problem.MEDIA_TYPE);
    if (ServiceProblems.passesSoon(problem)) {
      headers.put(RETRY_AFTER, "1");
    }
    return new RestReply(problem.status(), headers, problem.json());
  }

  static RestReply of(StoredReply reply, boolean replayed) {
    Map<String, String> headers = new LinkedHashMap<>(reply.headers());
    if (replayed) {
      headers.put(CallHeaders.IDEMPOTENCY_REPLAYED, "true");
    }
    return new RestReply(reply.status(), headers, reply.body());
  }

  /** The reply that a method's result stands for. */
  static RestReply ofResult(@Nullable Object result) {
    return switch (result) {
      case null -> new RestReply(NO_CONTENT, Map.of(), new byte[0]);
      case ResponseEntity<?> entity -> ofEntity(entity);
      case Optional<?> optional when optional.isEmpty() ->
          of(Problem.of(NOT_FOUND, "not-found", "There is no such thing."));
      case Optional<?> optional -> ofResult(optional.get());
      default ->
          new RestReply(
              OK, Map.of(CONTENT_TYPE, Bodies.typeOf(result).toString()), Bodies.write(result));
    };
  }

  private static RestReply ofEntity(ResponseEntity<?> entity) {
    Map<String, String> headers = new LinkedHashMap<>();
    entity.getHeaders().forEach((name, all) -> headers.put(name, String.join(", ", all)));
    Object body = entity.getBody();
    int status = entity.getStatusCode().value();
    return body == null
        ? new RestReply(status, headers, new byte[0])
        : ofBody(status, headers, body);
  }

  private static RestReply ofBody(int status, Map<String, String> headers, Object body) {
    headers.putIfAbsent(CONTENT_TYPE, Bodies.typeOf(body).toString());
    return new RestReply(status, headers, Bodies.write(body));
  }

  /** The same reply, naming branches of a distributed transaction. */
  RestReply listing(String branches) {
    Map<String, String> named = new LinkedHashMap<>(headers);
    named.put(Listing.HEADER, branches);
    return new RestReply(status, named, body);
  }

  StoredReply toStore() {
    return new StoredReply(status, headers, body);
  }

  HttpResponse toResponse() {
    ResponseHeadersBuilder builder = ResponseHeaders.builder(HttpStatus.valueOf(status));
    headers.forEach(builder::set);
    if (status == NO_CONTENT) {
      return HttpResponse.of(builder.build());
    }
    builder.setInt(HttpHeaderNames.CONTENT_LENGTH, body.length);
    return HttpResponse.of(builder.build(), HttpData.wrap(body));
  }
}
