package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShiftedClockTest {
  private static final Instant NOW = Instant.parse("2026-01-31T12:00:00Z");

  @TempDir private Path directory;

  @Test
  void isMovedWhileItRuns() throws Exception {
    Path file = directory.resolve("offset");
    ShiftedClock clock = new ShiftedClock(file, () -> NOW);
    assertThat(clock.instant()).isEqualTo(NOW);

    Files.writeString(file, "-90000\n");

    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> clock.instant().equals(NOW.minusSeconds(90)));
    Files.delete(file);
    await().atMost(Duration.ofSeconds(60)).until(() -> clock.instant().equals(NOW));
  }

  @Test
  void staysAsItIsIfItsFileCannotBeRead() throws Exception {
    Path file = Files.writeString(directory.resolve("offset"), "soon");

    assertThat(new ShiftedClock(file, () -> NOW).instant()).isEqualTo(NOW);
  }
}
