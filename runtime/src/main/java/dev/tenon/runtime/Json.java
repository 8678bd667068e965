package dev.tenon.runtime;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The JSON of messages and of the wire: records by their component names, times as ISO 8601 text,
 * unknown fields ignored so that an older reader takes a newer writer's message. Thread-safe.
 */
public final class Json {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .build();

  private Json() {}

  /**
   * Writes a value as compact UTF-8 JSON.
   *
   * @param value a record, map, list or other value that Jackson can write
   * @return the bytes, without a line break
   * @throws IllegalArgumentException if the value cannot be written; it names the type and why
   */
  public static byte[] write(Object value) {
    try {
      return MAPPER.writeValueAsBytes(value);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(
          "Could not write JSON [type="
              + value.getClass().getName()
              + "]: "
              + e.getOriginalMessage(),
          e);
    }
  }

  /**
   * Reads a value from UTF-8 JSON. Unknown fields are ignored.
   *
   * @param json the bytes
   * @param type what to read them as
   * @param <T> the same
   * @return the value
   * @throws IllegalArgumentException if the bytes are no JSON, or not of that shape; it names the
   *     type and the reason, never the content
   */
  public static <T> T read(byte[] json, Class<T> type) {
    T value;
    try {
      value = MAPPER.readValue(json, type);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(
          "Could not read JSON [type=" + type.getName() + "]: " + e.getOriginalMessage(), e);
    }
    if (value == null) {
      throw new IllegalArgumentException(
          "Could not read JSON [type=" + type.getName() + "]: it is null");
    }
    return value;
  }

  /**
   * The mapper itself, for streaming and trees.
   *
   * @return the one configured mapper; immutable
   */
  public static JsonMapper mapper() {
    return MAPPER;
  }
}
