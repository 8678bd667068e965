package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.messaging.spi.FeedRequest.Slot;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HashSlotsTest {

  private static int slot(String key, int count) {
    return IntStream.range(0, count)
        .filter(index -> HashSlots.contains(new Slot(index, count), key))
        .reduce(
            (one, other) -> {
              throw new AssertionError(key + " is in two slots");
            })
        .orElseThrow();
  }

  // Services in other languages must agree, and stored cursors rest on it.
  @ParameterizedTest
  @CsvSource({
    "'', 4, 0",
    "order-1, 4, 3",
    "lamp, 4, 2",
    "用户, 4, 1",
    "order-1, 256, 239",
    "lamp, 7, 6",
    "k0, 4, 3",
    "k1, 4, 1"
  })
  void putsAKeyWhereItAlwaysWas(String key, int count, int expected) {
    assertThat(slot(key, count)).isEqualTo(expected);
  }

  @Test
  void putsAMessageWithoutKeyByItsId() {
    Message message =
        new Message(
            UUID.fromString("01890a5d-ac96-774b-bcce-b302099a8057"),
            "topic",
            Optional.empty(),
            1,
            Map.of(),
            Instant.EPOCH,
            new byte[0]);

    assertThat(HashSlots.contains(new Slot(5, 16), message)).isTrue();
    assertThat(HashSlots.contains(new Slot(4, 16), message)).isFalse();
    assertThat(HashSlots.contains(new Slot(0, 1), message)).isTrue();
  }

  @Test
  void spreadsKeysOverAllSlots() {
    long[] counts = new long[8];
    IntStream.range(0, 8_000).forEach(i -> counts[slot("order-" + i, 8)]++);

    assertThat(java.util.Arrays.stream(counts).boxed())
        .allSatisfy(count -> assertThat(count).isBetween(800L, 1_200L));
  }
}
