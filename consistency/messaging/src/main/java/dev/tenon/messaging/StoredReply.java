package dev.tenon.messaging;

import static java.util.Objects.requireNonNull;

import java.util.Map;

/**
 * What a receiver answers, in a form that can be kept and given again. The body is shared, not
 * copied: treat it as read-only.
 *
 * @param status the status in the terms of the protocol that the call came by
 * @param headers what goes with the body; at most {@value #HEADERS_LENGTH_MAX} characters in all
 * @param body the body; {@link MessagingConfig#replyBytesMax()} limits it
 */
@SuppressWarnings("ArrayRecordComponent") // a body is large, and never compared
public record StoredReply(int status, Map<String, String> headers, byte[] body) {
  /** The most characters of all header names and values together. */
  public static final int HEADERS_LENGTH_MAX = 8192;

  /** Checks and copies all but the body. */
  public StoredReply {
    headers = Map.copyOf(headers);
    requireNonNull(body, "body");
    int length =
        headers.entrySet().stream()
            .mapToInt(h -> h.getKey().length() + h.getValue().length())
            .sum();
    if (length > HEADERS_LENGTH_MAX) {
      throw new IllegalArgumentException(
          "headers: " + length + " characters (expected: at most " + HEADERS_LENGTH_MAX + ")");
    }
  }
}
