package dev.tenon.transport;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedRequest.Position;
import dev.tenon.messaging.spi.FeedRequest.Slot;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RequestsTest {
  private static final UUID WINDOW = UUID.fromString("0198a000-0000-7000-8000-000000000001");

  /** Killed after it had noted where the snapshot begins, a reader asks for it from there. */
  @ParameterizedTest
  @ValueSource(strings = {"", "users\n17"})
  void readsAnyPlaceInASnapshotThatAReaderWasGiven(String place) {
    Cursor cursor = new Cursor(7, WINDOW, Cursor.WINDOW_END, Optional.of(place));
    FeedRequest request =
        new FeedRequest(
            "user",
            "order",
            "users",
            Set.of("changed"),
            new Slot(1, 4),
            new Position.After(cursor));
    FeedReport report = new FeedReport("user", "order", "users", new Slot(1, 4), cursor);

    assertThat(Requests.readFeedRequest(Requests.write(request))).isEqualTo(request);
    assertThat(Requests.readReport(Requests.write(report))).isEqualTo(report);
  }

  @Test
  void readsACursorOutsideASnapshot() {
    Cursor cursor = new Cursor(7, WINDOW, 42, Optional.empty());
    FeedReport report = new FeedReport("user", "order", "users", new Slot(1, 4), cursor);

    assertThat(Requests.readReport(Requests.write(report))).isEqualTo(report);
  }
}
