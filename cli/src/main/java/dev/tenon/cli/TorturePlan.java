package dev.tenon.cli;

import java.time.Duration;

/**
 * What is to be done.
 *
 * @param seed by which faults are chosen
 * @param length how long faults are done, at most
 * @param killsLeast after so many kills it ends before; 0 if the time alone counts
 */
record TorturePlan(long seed, Duration length, int killsLeast) {

  /** Whether there is enough. */
  boolean done(Duration elapsed, int kills) {
    return elapsed.compareTo(length) >= 0 || (killsLeast > 0 && kills >= killsLeast);
  }

  /** For people. */
  String text() {
    String until = killsLeast > 0 ? ", or until " + killsLeast + " kills" : "";
    return "%.1f minutes%s, --seed %d".formatted(length.toSeconds() / 60.0, until, seed);
  }
}
