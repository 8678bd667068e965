package dev.tenon.spring;

import dev.tenon.runtime.Json;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;

/** Why a request with an idempotency key is not answered by its handler. */
enum IdempotencyProblem {
  KEY_MISSING(HttpStatus.BAD_REQUEST, "This operation needs the header Idempotency-Key."),
  KEY_MALFORMED(HttpStatus.BAD_REQUEST, "The header Idempotency-Key is not a key: "),
  STILL_RUNNING(
      HttpStatus.CONFLICT, "A request with this key is running. Send it again in a moment."),
  OTHER_REQUEST(
      HttpStatus.UNPROCESSABLE_CONTENT,
      "This key was used for another request. Use a new key for a new request."),
  FORGOTTEN(
      HttpStatus.GONE,
      "This key is so old that its answer may be forgotten: look whether the request was done, and"
          + " use a new key if not."),
  TOO_LARGE(
      HttpStatus.CONTENT_TOO_LARGE,
      "The body is too large for a request with a key; tenon.idempotency.request-bytes-max is "),
  MULTIPART(HttpStatus.UNSUPPORTED_MEDIA_TYPE, "A multipart request cannot be sent with a key."),
  REFUSED(HttpStatus.BAD_REQUEST, ""),
  OUTCOME_UNKNOWN(
      HttpStatus.SERVICE_UNAVAILABLE,
      "The connection to the database broke during the commit. Send the request again with the"
          + " same key: it is answered by what happened.");

  private static final String AGAIN_SECONDS = "1";

  private final HttpStatus status;
  private final String detail;

  IdempotencyProblem(HttpStatus status, String detail) {
    this.status = status;
    this.detail = detail;
  }

  /** Answers with a problem document. */
  void answer(HttpServletResponse response, String more) throws IOException {
    if (this == STILL_RUNNING || this == OUTCOME_UNKNOWN) {
      response.setHeader(HttpHeaders.RETRY_AFTER, AGAIN_SECONDS);
    }
    write(response, status.value(), document(status.value(), name(), detail + more));
  }

  void answer(HttpServletResponse response) throws IOException {
    answer(response, "");
  }

  static void write(HttpServletResponse response, int status, byte[] document) throws IOException {
    response.setStatus(status);
    response.setContentType(MediaType.APPLICATION_PROBLEM_JSON_VALUE);
    response.setContentLength(document.length);
    response.getOutputStream().write(document);
  }

  /** The document of a status that came without a body. */
  static byte[] document(int status) {
    return document(status, REFUSED.name(), "");
  }

  private static byte[] document(int status, String name, String detail) {
    Map<String, Object> members = new TreeMap<>();
    HttpStatus known = HttpStatus.resolve(status);
    members.put("title", known == null ? "Status " + status : known.getReasonPhrase());
    members.put("status", status);
    members.put("reason", name.toLowerCase(Locale.ROOT).replace('_', '-'));
    if (!detail.isEmpty()) {
      members.put("detail", detail);
    }
    return Json.write(members);
  }
}
