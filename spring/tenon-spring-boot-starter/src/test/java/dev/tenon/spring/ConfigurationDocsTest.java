package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.messaging.MessagingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.MapConfigurationPropertySource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Keeps docs/configuration.md equal to the metadata that tools read. */
class ConfigurationDocsTest {
  private static final Path PAGE = Path.of("../../docs/configuration.md");
  private static final String UPDATE = "tenon.docs.update";

  private static final String INTRODUCTION =
      """
      # Configuration of a Spring Boot service

      Generated from the configuration metadata of `tenon-spring-boot-starter`; do not edit.
      To write it anew, run `ConfigurationDocsTest` with `-Dtenon.docs.update=true`.

      The database itself is `spring.datasource.*`, the port for users `server.port`, as ever. When
      the database is away, a request waits for a connection as long as
      `spring.datasource.hikari.connection-timeout` says (30 s), and is then answered with 503.

      | property | type | default | what it is |
      |---|---|---|---|
      """;

  @Test
  void pageSaysWhatTheMetadataSays() throws IOException {
    String expected = INTRODUCTION + String.join("", rows());
    if (Boolean.getBoolean(UPDATE)) {
      Files.writeString(PAGE, expected);
    }

    assertThat(PAGE)
        .as("stale: run this test with -D" + UPDATE + "=true and commit the page")
        .hasContent(expected);
  }

  @Test
  void defaultsAreThoseOfMessaging() {
    TenonProperties bound =
        new Binder(new MapConfigurationPropertySource(Map.of("tenon.service", "order")))
            .bind("tenon", TenonProperties.class)
            .get();

    assertThat(bound.idempotency().addedTo(bound.messaging().config()))
        .usingRecursiveComparison()
        .isEqualTo(MessagingConfig.defaults());
  }

  private static List<String> rows() throws IOException {
    JsonNode properties = metadata().get("properties");
    List<String> rows =
        StreamSupport.stream(properties.spliterator(), false)
            .sorted(Comparator.comparing(property -> property.get("name").asString()))
            .map(ConfigurationDocsTest::row)
            .toList();
    assertThat(rows).hasSizeGreaterThan(15).noneMatch(row -> row.contains("|  |\n"));
    return rows;
  }

  private static JsonNode metadata() throws IOException {
    return JsonMapper.shared()
        .readTree(
            Files.readAllBytes(
                Path.of("target/classes/META-INF/spring-configuration-metadata.json")));
  }

  private static String row(JsonNode property) {
    String type = property.path("type").asString();
    String simple =
        type.replaceAll("[a-z]+(\\.[a-z]+)*\\.([A-Z])", "$2").replace("TenonProperties$", "");
    JsonNode value = property.path("defaultValue");
    return "| `%s` | %s | %s | %s |\n"
        .formatted(
            property.get("name").asString(),
            simple.replace("<", "&lt;"),
            value.isMissingNode() ? "" : "`" + text(value) + "`",
            property.path("description").asString().replace("|", "\\|"));
  }

  private static String text(JsonNode value) {
    return value.isArray()
        ? StreamSupport.stream(value.spliterator(), false)
            .map(JsonNode::asString)
            .collect(Collectors.joining(","))
        : value.asString();
  }
}
