package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class LockWaitsTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  private final List<Xid> helped = new ArrayList<>();
  private final Xid holder = xid();

  private static Xid xid() {
    return new Xid("order", "1", NOW, NOW.plusSeconds(30), UUID.randomUUID());
  }

  private LockWaits.Waits waits(Duration longest) {
    return new LockWaits(longest, helped::add).begin(xid());
  }

  private RuntimeException locked() {
    return new IllegalStateException(
        new SQLException(
            "ERROR: a row of item, or a key of it, is locked by the distributed transaction "
                + holder.text()
                + "\n  Hint: Repeat",
            AutomaticBranches.LOCKED));
  }

  @Test
  void beginsAnewUntilItHasWaitedLongEnoughAndHasTheHoldersStarterAskedOnTheWay() {
    LockWaits.Waits waits = waits(Duration.ofMillis(50));
    int times = 0;

    while (waits.again(locked())) {
      times++;
    }

    assertThat(times).as("after 5, 10, 20 and 40 ms").isEqualTo(4);
    assertThat(helped).containsExactly(holder);
  }

  @Test
  void doesNotWaitForWhatIsNoLock() {
    LockWaits.Waits waits = waits(Duration.ofSeconds(5));

    assertThat(waits.again(new IllegalStateException(new SQLException("no", "23505")))).isFalse();
    assertThat(waits.again(new IllegalStateException("no"))).isFalse();
  }

  @Test
  void doesNotWaitWhereNoWaitIsAllowed() {
    assertThat(waits(Duration.ZERO).again(locked())).isFalse();
  }

  @Test
  void givesUpWhenItIsInterruptedAndSaysSo() {
    Thread.currentThread().interrupt();

    assertThat(waits(Duration.ofSeconds(5)).again(locked())).isFalse();
    assertThat(Thread.interrupted()).isTrue();
  }
}
