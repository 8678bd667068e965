package dev.tenon.invocation;

import static java.util.Objects.requireNonNull;

import dev.tenon.runtime.Json;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * A problem document (RFC 9457). Over gRPC it travels as the details of a status.
 *
 * @param status the HTTP status
 * @param type a URI that names the kind of problem; {@code about:blank} if the status says it all
 * @param title a short summary of the kind
 * @param detail what could not be done, why, and what to do; empty if nobody said
 * @param members further members; their values are what JSON knows
 */
public record Problem(
    int status, String type, String title, String detail, Map<String, Object> members) {
  /** The media type of the document. */
  public static final String MEDIA_TYPE = "application/problem+json";

  /** The member with a stable word that a program may branch on. */
  public static final String REASON = "reason";

  /** The member that is true if the same request would fail again, whatever the status says. */
  public static final String LASTING = "lasting";

  private static final String BLANK = "about:blank";
  private static final int REQUEST_TIMEOUT = 408;
  private static final int TOO_MANY_REQUESTS = 429;
  private static final int BAD_GATEWAY = 502;
  private static final String TYPE = "type";
  private static final String TITLE = "title";
  private static final String STATUS = "status";
  private static final String DETAIL = "detail";

  /** Checks and copies the parts. */
  public Problem {
    requireNonNull(type, TYPE);
    requireNonNull(title, TITLE);
    requireNonNull(detail, DETAIL);
    members = Map.copyOf(members);
  }

  /**
   * A problem whose kind its status and a word tell.
   *
   * @param status the HTTP status
   * @param reason the stable word
   * @param detail what could not be done, why, and what to do
   * @return the problem
   */
  public static Problem of(int status, String reason, String detail) {
    return new Problem(status, BLANK, titleOf(status), detail, Map.of(REASON, reason));
  }

  /**
   * Reads a document, or makes one up by the status where there is none (a proxy's page).
   *
   * @param status the HTTP status of the answer; it counts more than the document's own
   * @param body the answer's body
   * @return the problem
   */
  public static Problem read(int status, byte[] body) {
    JsonNode root;
    try {
      root = Json.mapper().readTree(body);
    } catch (JacksonException e) {
      return madeUp(status);
    }
    if (!root.isObject()) {
      return madeUp(status);
    }
    Map<String, Object> members = new LinkedHashMap<>();
    root.properties()
        .forEach(
            member -> {
              Object value = Json.mapper().treeToValue(member.getValue(), Object.class);
              if (value != null) {
                members.put(member.getKey(), value);
              }
            });
    members.remove(STATUS);
    return new Problem(
        status,
        text(members.remove(TYPE), BLANK),
        text(members.remove(TITLE), titleOf(status)),
        text(members.remove(DETAIL), ""),
        members);
  }

  private static Problem madeUp(int status) {
    return new Problem(
        status,
        BLANK,
        titleOf(status),
        "status " + status + " without a problem document",
        Map.of());
  }

  /**
   * The stable word that a program may branch on.
   *
   * @return the word; empty if the document has none
   */
  public Optional<String> reason() {
    return members.get(REASON) instanceof String word ? Optional.of(word) : Optional.empty();
  }

  /**
   * Whether the same request would fail again, so that there is no use in repeating it.
   *
   * @return true if the document says so, or its status does
   */
  public boolean isLasting() {
    return saysLasting() || !mayPass(status);
  }

  /** Whether the document says so itself. */
  boolean saysLasting() {
    return Boolean.TRUE.equals(members.get(LASTING));
  }

  /** Whether a status tells of a state that may be over soon. */
  static boolean mayPass(int status) {
    return status == REQUEST_TIMEOUT || status == TOO_MANY_REQUESTS || status >= BAD_GATEWAY;
  }

  /**
   * The same problem, marked as one that a repetition of the request would meet again.
   *
   * @return a changed copy
   */
  public Problem lasting() {
    Map<String, Object> marked = new LinkedHashMap<>(members);
    marked.put(LASTING, true);
    return new Problem(status, type, title, detail, marked);
  }

  /**
   * Writes the document.
   *
   * @return JSON in UTF-8
   */
  public byte[] json() {
    return Json.write(document());
  }

  /**
   * The document's members.
   *
   * @return in the usual order
   */
  public Map<String, Object> document() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put(TYPE, type);
    all.put(TITLE, title);
    all.put(STATUS, status);
    if (!detail.isEmpty()) {
      all.put(DETAIL, detail);
    }
    members.forEach(all::putIfAbsent);
    return all;
  }

  private static String text(@Nullable Object value, String otherwise) {
    return value instanceof String text ? text : otherwise;
  }

  private static String titleOf(int status) {
    return switch (status) {
      case 400 -> "Bad Request";
      case 401 -> "Unauthorized";
      case 403 -> "Forbidden";
      case 404 -> "Not Found";
      case 405 -> "Method Not Allowed";
      case 406 -> "Not Acceptable";
      case 408 -> "Request Timeout";
      case 409 -> "Conflict";
      case 410 -> "Gone";
      case 412 -> "Precondition Failed";
      case 413 -> "Content Too Large";
      case 415 -> "Unsupported Media Type";
      case 422 -> "Unprocessable Content";
      case 429 -> "Too Many Requests";
      case 431 -> "Request Header Fields Too Large";
      case 499 -> "Client Closed Request";
      case 500 -> "Internal Server Error";
      case 501 -> "Not Implemented";
      case 502 -> "Bad Gateway";
      case 503 -> "Service Unavailable";
      case 504 -> "Gateway Timeout";
      default -> "Status " + status;
    };
  }
}
