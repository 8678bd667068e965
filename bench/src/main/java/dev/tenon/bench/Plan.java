package dev.tenon.bench;

import java.time.Duration;
import java.util.List;

/**
 * What is to be measured.
 *
 * @param rounds how often each case is measured, in turn with the others
 * @param span how long each case is measured in a round
 * @param warmUp how long each case runs before it is measured
 * @param producers the numbers of producers to measure with
 * @param lowPerSecond messages a second at low load
 * @param lowSpan how long low load is measured in a round; zero to leave it out
 * @param inFlightMax the most messages without an effect
 */
record Plan(
    int rounds,
    Duration span,
    Duration warmUp,
    List<Integer> producers,
    int lowPerSecond,
    Duration lowSpan,
    int inFlightMax) {

  Plan {
    producers = List.copyOf(producers);
    if (rounds < 1) {
      throw new IllegalArgumentException("rounds: " + rounds + " (expected: >= 1)");
    }
    if (!span.isPositive()) {
      throw new IllegalArgumentException("seconds: " + span + " (expected: > 0)");
    }
    for (int count : producers) {
      if (count < 1 || count > 64) {
        throw new IllegalArgumentException("producers: " + count + " (expected: 1..64)");
      }
    }
    if (lowPerSecond < 1 || inFlightMax < 1) {
      throw new IllegalArgumentException(
          "lowRate: " + lowPerSecond + ", inFlight: " + inFlightMax + " (expected: >= 1)");
    }
  }
}
