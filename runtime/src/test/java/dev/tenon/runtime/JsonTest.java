package dev.tenon.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class JsonTest {

  record Line(String product, int quantity, BigDecimal price) {}

  record Order(
      String id,
      Instant at,
      LocalDate due,
      Optional<String> note,
      List<Line> lines,
      Map<String, Integer> tags) {}

  private static final Order ORDER =
      new Order(
          "用户-1",
          Instant.parse("2026-11-23T10:15:30.123456Z"),
          LocalDate.of(2026, 12, 1),
          Optional.empty(),
          List.of(new Line("lamp", 2, new BigDecimal("9.90"))),
          Map.of("a", 1));

  private static byte[] bytes(String json) {
    return json.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void readsBackWhatItWrote() {
    assertThat(Json.read(Json.write(ORDER), Order.class)).isEqualTo(ORDER);
  }

  @Test
  void writesTimesAsTextAndRecordsByTheirComponents() {
    assertThat(new String(Json.write(ORDER), StandardCharsets.UTF_8))
        .isEqualTo(
            "{\"id\":\"用户-1\",\"at\":\"2026-11-23T10:15:30.123456Z\",\"due\":\"2026-12-01\","
                + "\"note\":null,\"lines\":[{\"product\":\"lamp\",\"quantity\":2,\"price\":9.90}],"
                + "\"tags\":{\"a\":1}}");
  }

  @Test
  void ignoresFieldsThatAnOlderReaderDoesNotKnow() {
    Line line =
        Json.read(
            bytes("{\"product\":\"lamp\",\"quantity\":2,\"price\":1,\"colour\":\"red\"}"),
            Line.class);

    assertThat(line).isEqualTo(new Line("lamp", 2, BigDecimal.ONE));
  }

  @Test
  void refusesAMissingNumberInsteadOfTakingZero() {
    assertThatThrownBy(
            () -> Json.read(bytes("{\"product\":\"lamp\",\"quantity\":null}"), Line.class))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("Could not read JSON [type=" + Line.class.getName() + "]: ");
  }

  @Test
  void namesTypeAndReasonButNeverTheContent() {
    assertThatThrownBy(
            () -> Json.read(bytes("{\"product\":\"secret\",\"quantity\":{}}"), Line.class))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(Line.class.getName())
        .hasMessageNotContaining("secret");
    assertThatThrownBy(() -> Json.read(bytes("secret"), Line.class))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(Line.class.getName());
    assertThatThrownBy(() -> Json.read(bytes("null"), Line.class))
        .hasMessageEndingWith("it is null");
  }
}
