package dev.tenon.messaging;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A message to publish. Immutable: each method returns a changed copy.
 *
 * @param topic a declared topic
 * @param key what orders messages, or empty
 * @param version the version of the payload's shape, from 1
 * @param headers names and values that travel with the message
 * @param delay how long after the commit the message becomes due; zero for at once
 * @param payload what {@link dev.tenon.runtime.Json} writes as the payload
 */
public record OutgoingMessage(
    String topic,
    Optional<String> key,
    int version,
    Map<String, String> headers,
    Duration delay,
    Object payload) {

  /** Checks and copies. */
  public OutgoingMessage {
    requireNonNull(topic, "topic");
    requireNonNull(key, "key");
    requireNonNull(payload, "payload");
    headers = Map.copyOf(headers);
    if (version < 1) {
      throw new IllegalArgumentException("version: " + version + " (expected: >= 1)");
    }
    if (delay.isNegative()) {
      throw new IllegalArgumentException("delay: " + delay + " (expected: >= 0)");
    }
  }

  /**
   * A message without key and headers, of version 1, due at once.
   *
   * @param topic a declared topic
   * @param payload what is written as JSON
   * @return the message
   */
  public static OutgoingMessage of(String topic, Object payload) {
    return new OutgoingMessage(topic, Optional.empty(), 1, Map.of(), Duration.ZERO, payload);
  }

  /**
   * The same with a key.
   *
   * @param value what orders messages
   * @return a copy
   */
  public OutgoingMessage key(String value) {
    return new OutgoingMessage(topic, Optional.of(value), version, headers, delay, payload);
  }

  /**
   * The same with another version of its shape.
   *
   * @param value from 1
   * @return a copy
   */
  public OutgoingMessage version(int value) {
    return new OutgoingMessage(topic, key, value, headers, delay, payload);
  }

  /**
   * The same with one more header.
   *
   * @param name the header's name
   * @param value its value
   * @return a copy
   */
  public OutgoingMessage header(String name, String value) {
    Map<String, String> more = new HashMap<>(headers);
    more.put(name, value);
    return new OutgoingMessage(topic, key, version, more, delay, payload);
  }

  /**
   * The same, delivered not before a time after the commit.
   *
   * @param value how long to hold it
   * @return a copy
   */
  public OutgoingMessage delay(Duration value) {
    return new OutgoingMessage(topic, key, version, headers, value, payload);
  }
}
