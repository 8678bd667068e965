package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.cli.TortureSchedule.Entry;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class TortureScheduleTest {
  private static final int ROUND = 24;
  private static final Duration LEASE = Duration.ofSeconds(3);

  private static List<Entry> entries(long seed, int count) {
    TortureSchedule schedule = new TortureSchedule(seed);
    return Stream.generate(schedule::next).limit(count).toList();
  }

  @Test
  void isTheSameForTheSameSeedOnly() {
    assertThat(entries(7, 100)).isEqualTo(entries(7, 100)).isNotEqualTo(entries(8, 100));
  }

  @Test
  void killsEveryInstanceAndEverythingOfPostgresInEachRound() {
    List<Fault> faults = entries(7, ROUND).stream().map(Entry::fault).toList();

    for (String instance : TortureSchedule.INSTANCES) {
      assertThat(faults).contains(new Fault.KillService(instance));
    }
    for (Fault.Victim victim : Fault.Victim.values()) {
      assertThat(faults).contains(new Fault.KillPostgres("order", victim));
    }
  }

  @Test
  void disturbsTheNetworkInEveryWayAndMovesClocksBothWaysInEachRound() {
    List<Entry> all = entries(7, ROUND);

    assertThat(all)
        .extracting(entry -> entry.fault().kind())
        .contains("clock back", "clock forward", "SIGSTOP and SIGCONT")
        .containsAll(
            TcpProxy.Way.disturbed().stream().map(way -> "network: " + way.text()).toList());
  }

  @Test
  void pausesForLongerThanALease() {
    assertThat(entries(7, 10 * ROUND))
        .filteredOn(entry -> entry.fault() instanceof Fault.Pause)
        .isNotEmpty()
        .allSatisfy(
            entry -> assertThat(((Fault.Pause) entry.fault()).length()).isGreaterThan(LEASE));
  }
}
