package dev.tenon.messaging;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.tenon.runtime.Json;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.NumericNode;
import tools.jackson.databind.node.ObjectNode;

/** JSON in the one form that a fingerprint is taken of. */
final class CanonicalJson {
  private static final List<Class<?>> PRIMITIVES =
      List.of(
          boolean.class,
          byte.class,
          short.class,
          int.class,
          long.class,
          float.class,
          double.class,
          char.class);

  /** One member twice could mean either: such a body is not brought into another form. */
  private static final JsonMapper READER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();

  private static final JsonMapper VALUES = values();

  private CanonicalJson() {}

  private static JsonMapper values() {
    JsonMapper.Builder builder = Json.mapper().rebuild();
    for (Class<?> primitive : PRIMITIVES) {
      builder.withConfigOverride(
          primitive,
          override ->
              override.setInclude(
                  JsonInclude.Value.construct(
                      JsonInclude.Include.NON_DEFAULT, JsonInclude.Include.ALWAYS)));
    }
    return builder.build();
  }

  /** Empty if the bytes are no JSON. */
  static Optional<byte[]> of(byte[] json) {
    try {
      JsonNode tree = READER.readTree(json);
      return tree == null || tree.isMissingNode() ? Optional.empty() : Optional.of(written(tree));
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }

  static byte[] of(Object value) {
    try {
      return written(VALUES.valueToTree(value));
    } catch (JacksonException e) {
      throw new IllegalArgumentException(
          "Could not take a fingerprint [type="
              + value.getClass().getName()
              + "]: "
              + e.getOriginalMessage(),
          e);
    }
  }

  private static byte[] written(JsonNode tree) {
    return READER.writeValueAsString(canonical(tree)).getBytes(StandardCharsets.UTF_8);
  }

  private static JsonNode canonical(JsonNode node) {
    if (node.isObject()) {
      return sorted(node);
    }
    if (node.isArray()) {
      ArrayNode items = READER.createArrayNode();
      node.forEach(item -> items.add(canonical(item)));
      return items;
    }
    if (node instanceof NumericNode number && !number.isNaN()) {
      BigDecimal value = number.decimalValue().stripTrailingZeros();
      return READER.getNodeFactory().numberNode(value);
    }
    return node;
  }

  /** Members in the order of their names' UTF-16 units, without those that are null. */
  private static ObjectNode sorted(JsonNode node) {
    Map<String, JsonNode> members = new TreeMap<>();
    node.properties()
        .forEach(
            member -> {
              if (!member.getValue().isNull()) {
                members.put(member.getKey(), canonical(member.getValue()));
              }
            });
    ObjectNode sorted = READER.createObjectNode();
    members.forEach(sorted::set);
    return sorted;
  }
}
