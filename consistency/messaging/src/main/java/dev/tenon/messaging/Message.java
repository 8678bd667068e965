package dev.tenon.messaging;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * A message as it was published. The payload is shared, not copied: treat it as read-only.
 *
 * @param id the message's own id; the same at every delivery
 * @param topic where it was published
 * @param key what orders it, or empty
 * @param version the version of the payload's shape
 * @param headers what travels with it, {@code traceparent} among them when there was one
 * @param createdAt when it was recorded, by the publisher's database
 * @param payload UTF-8 JSON
 */
@SuppressWarnings("ArrayRecordComponent") // a payload is large, and never compared
public record Message(
    UUID id,
    String topic,
    Optional<String> key,
    int version,
    Map<String, String> headers,
    Instant createdAt,
    byte[] payload) {

  /** The header of the W3C trace context. */
  public static final String TRACEPARENT = "traceparent";

  /** Checks and copies all but the payload. */
  public Message {
    requireNonNull(id, "id");
    requireNonNull(topic, "topic");
    requireNonNull(key, "key");
    requireNonNull(createdAt, "createdAt");
    requireNonNull(payload, "payload");
    headers = Map.copyOf(headers);
  }
}
