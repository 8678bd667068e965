package dev.tenon.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class IdGeneratorTest {
  private static final Instant NOW = Instant.parse("2026-11-23T10:15:30.123Z");

  @Test
  void makesVersionSevenIdsThatTellTheTime() {
    UUID id = IdGenerator.timeOrdered(InstantSource.fixed(NOW), new SplittableRandom(1)).next();

    assertThat(id.version()).isEqualTo(7);
    assertThat(id.variant()).isEqualTo(2);
    assertThat(id.getMostSignificantBits() >>> 16).isEqualTo(NOW.toEpochMilli());
  }

  @Test
  void sortsIdsByTheMillisecondTheyWereMadeIn() {
    AtomicLong millis = new AtomicLong(NOW.toEpochMilli());
    IdGenerator ids =
        IdGenerator.timeOrdered(
            () -> Instant.ofEpochMilli(millis.getAndIncrement()), new SplittableRandom(2));

    assertThat(IntStream.range(0, 1_000).mapToObj(i -> ids.next().toString())).isSorted();
  }

  @Test
  void repeatsNoIdThoughTheClockStandsStill() {
    IdGenerator ids = IdGenerator.timeOrdered(InstantSource.fixed(NOW), new SplittableRandom(3));
    Set<UUID> made = new HashSet<>();

    IntStream.range(0, 10_000).forEach(i -> made.add(ids.next()));

    assertThat(made).hasSize(10_000);
  }

  @Test
  void makesIdsOfTheSystemsTime() {
    long before = System.currentTimeMillis();
    long time = IdGenerator.system().next().getMostSignificantBits() >>> 16;

    assertThat(time).isBetween(before, System.currentTimeMillis());
  }
}
