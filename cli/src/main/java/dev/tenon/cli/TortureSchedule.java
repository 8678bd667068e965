package dev.tenon.cli;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Random;

/**
 * Faults without end, by chance, and the same for the same seed. They come in shuffled rounds, each
 * of which has every kind. Not thread-safe.
 */
final class TortureSchedule {
  /** The instances; those of one service begin with its name. */
  static final List<String> INSTANCES =
      List.of("user", "order-1", "order-2", "inventory", "payment");

  /** Who calls or reads whom. */
  private static final List<List<String>> LINKS =
      List.of(
          List.of("order", "inventory"),
          List.of("order", "payment"),
          List.of("inventory", "order"),
          List.of("payment", "order"),
          List.of("order", "user"));

  /** A round has these kills, each so often. */
  private static final List<String> KILLS_OF_A_ROUND =
      List.of(
          "order-1",
          "order-2",
          "inventory",
          "payment",
          "order-1",
          "order-2",
          "inventory",
          "payment",
          "user");

  private static final Duration GAP_LEAST = Duration.ofMillis(1_500);
  private static final Duration GAP_MOST = Duration.ofMillis(4_500);
  private static final Duration PAUSE_LEAST = Duration.ofSeconds(4); // longer than any lease
  private static final Duration PAUSE_MOST = Duration.ofSeconds(9);
  private static final Duration CUT_LEAST = Duration.ofSeconds(2);
  private static final Duration CUT_MOST = Duration.ofSeconds(10);
  private static final Duration JUMP_LEAST = Duration.ofSeconds(20);
  private static final Duration JUMP_MOST = Duration.ofSeconds(120);

  private final Random random;
  private final Deque<Fault> round = new ArrayDeque<>();

  TortureSchedule(long seed) {
    this.random = new Random(seed);
  }

  /**
   * A fault and when it comes.
   *
   * @param gap the time since the one before
   */
  record Entry(Duration gap, Fault fault) {}

  Entry next() {
    if (round.isEmpty()) {
      round.addAll(aRound());
    }
    return new Entry(between(GAP_LEAST, GAP_MOST), round.removeFirst());
  }

  private List<Fault> aRound() {
    List<Fault> faults = new ArrayList<>();
    KILLS_OF_A_ROUND.forEach(instance -> faults.add(new Fault.KillService(instance)));
    for (Fault.Victim victim : Fault.Victim.values()) {
      faults.add(new Fault.KillPostgres("order", victim));
      faults.add(new Fault.KillPostgres(one(List.of("inventory", "payment", "user")), victim));
    }
    for (String instance : List.of("order-1", "order-2", one(List.of("inventory", "payment")))) {
      faults.add(new Fault.Pause(instance, between(PAUSE_LEAST, PAUSE_MOST)));
    }
    for (TcpProxy.Way way : TcpProxy.Way.disturbed()) {
      List<String> link = one(LINKS);
      Duration length = between(CUT_LEAST, CUT_MOST);
      faults.add(new Fault.Disturb(link.get(0), link.get(1), way, length));
    }
    for (int sign : List.of(1, -1)) {
      Duration offset = between(JUMP_LEAST, JUMP_MOST).multipliedBy(sign);
      faults.add(new Fault.JumpClock(one(INSTANCES), offset, between(CUT_LEAST, CUT_MOST)));
    }
    Collections.shuffle(faults, random);
    return faults;
  }

  private <T> T one(List<T> of) {
    return of.get(random.nextInt(of.size()));
  }

  private Duration between(Duration least, Duration most) {
    return Duration.ofMillis(random.nextLong(least.toMillis(), most.toMillis() + 1));
  }
}
