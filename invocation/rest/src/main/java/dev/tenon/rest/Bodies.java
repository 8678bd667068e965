package dev.tenon.rest;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.linecorp.armeria.common.MediaType;
import dev.tenon.runtime.Json;
import java.lang.reflect.Type;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.databind.DatabindException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.databind.json.JsonMapper;

/** Bodies: JSON, but for text and bytes, which stay as they are. */
final class Bodies {
  private static final JsonMapper MAPPER = Json.mapper();
  private static final DeserializationFeature UNKNOWN =
      DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES;

  private Bodies() {}

  static byte[] write(Object body) {
    return switch (body) {
      case byte[] bytes -> bytes;
      case String text -> text.getBytes(UTF_8);
      default -> Json.write(body);
    };
  }

  static MediaType typeOf(Object body) {
    return switch (body) {
      case byte[] bytes -> MediaType.OCTET_STREAM;
      case String text -> MediaType.PLAIN_TEXT_UTF_8;
      default -> MediaType.JSON;
    };
  }

  /** Reads answers: members that this side does not know are passed over. */
  static Reader reader(Type type) {
    return Reader.of(type, MAPPER.reader());
  }

  /** Reads requests: members that this side does not know are an error, so that none is lost. */
  static Reader strictReader(Type type) {
    return Reader.of(type, MAPPER.reader().with(UNKNOWN));
  }

  /** Reads bodies of one type: to be made once. Thread-safe. */
  record Reader(Type type, ObjectReader json) {
    private static Reader of(Type type, ObjectReader json) {
      return new Reader(type, json.forType(MAPPER.constructType(type)));
    }

    @SuppressWarnings("unchecked")
    <T> @Nullable T read(byte[] content) {
      if (type == byte[].class) {
        return (T) content;
      }
      if (type == String.class) {
        return (T) new String(content, UTF_8);
      }
      try {
        return json.readValue(content);
      } catch (JacksonException e) {
        throw new IllegalArgumentException(reason(e), e);
      }
    }
  }

  /** Where and what, never the content. */
  private static String reason(JacksonException e) {
    if (e instanceof DatabindException databind && !databind.getPath().isEmpty()) {
      StringBuilder path = new StringBuilder();
      databind
          .getPath()
          .forEach(
              step ->
                  path.append(
                      step.getPropertyName() == null
                          ? "[" + step.getIndex() + "]"
                          : "." + step.getPropertyName()));
      String kind =
          e instanceof UnrecognizedPropertyException
              ? "not known here"
              : "not of the expected type";
      return "body" + path + ": " + kind;
    }
    TokenStreamLocation location = e.getLocation();
    return "body: not the expected JSON"
        + (location == null ? "" : " at byte " + location.getByteOffset());
  }
}
