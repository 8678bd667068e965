package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.runtime.IdGenerator;
import java.time.Instant;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IdempotencyKeyTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00.123Z");

  @Test
  void readsTheTimeOfAVersionSevenUuid() {
    String key = IdGenerator.timeOrdered(() -> NOW, new Random(1)).next().toString();

    assertThat(IdempotencyKey.of("a", "b", key).createdAt()).contains(NOW);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "8e03978e-40d5-43e8-bc93-6894a57f9324",
        "0198a000-0000-7000-8000-00000000000g",
        "0198a000-0000-7000-8000-000000000001/1",
        "x"
      })
  void knowsNoAgeOfOtherKeysUnlessItIsTold(String text) {
    IdempotencyKey key = IdempotencyKey.of("a", "b", text);

    assertThat(key.createdAt()).isEmpty();
    assertThat(key.createdAt(NOW).createdAt()).contains(NOW);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"8e03978e-40d5\"|8e03978e-40d5",
        "8e03978e-40d5|8e03978e-40d5",
        "\"a b\"|a b",
        "\"a\\\"b\\\\c\"|a\"b\\c",
        "xid/step;1|xid/step;1",
      })
  void readsAQuotedOrABareField(String field, String key) {
    assertThat(IdempotencyKey.inField(field)).isEqualTo(key);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\"\"", "\"a", "a\"", "a, b", "\"a\", \"b\"", "\"a\\b\"", "a b", "é"})
  void refusesOtherFields(String field) {
    assertThatThrownBy(() -> IdempotencyKey.inField(field))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("Idempotency-Key: " + field.length() + " characters");
  }

  @Test
  void refusesWhatIsTooLongOrNotPrintable() {
    String longest = "k".repeat(IdempotencyKey.KEY_LENGTH_MAX);
    assertThat(IdempotencyKey.of("a", "b", longest).key()).hasSize(255);

    for (String key : new String[] {"", longest + "k", "a\nb", "é", "\0"}) {
      assertThatThrownBy(() -> IdempotencyKey.of("a", "b", key))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("key: " + key.length() + " characters (expected: 1..255");
    }
    String name = "n".repeat(IdempotencyKey.NAME_LENGTH_MAX + 1);
    assertThatThrownBy(() -> IdempotencyKey.of(name, "b", "k")).hasMessageStartingWith("caller");
    assertThatThrownBy(() -> IdempotencyKey.of("a", "", "k")).hasMessageStartingWith("operation");
    assertThat(UUID.randomUUID().toString()).hasSizeLessThan(IdempotencyKey.KEY_LENGTH_MAX);
  }
}
