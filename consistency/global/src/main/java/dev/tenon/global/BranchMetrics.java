package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/** What is measured of a participant's branches. Thread-safe. */
final class BranchMetrics {
  private final Map<Outcome, Counter> ended = new EnumMap<>(Outcome.class);
  private final Counter opened;
  private final Counter failed;
  private final Counter parked;
  private final AtomicLong openNow = new AtomicLong();
  private final AtomicLong parkedNow = new AtomicLong();
  private final AtomicLong oldestSeconds = new AtomicLong();
  private final AtomicLong preparedNow = new AtomicLong();
  private final AtomicLong oldestPreparedSeconds = new AtomicLong();

  BranchMetrics(MeterRegistry meters) {
    opened = meters.counter("tenon.global.branches.opened");
    for (Outcome outcome : Outcome.values()) {
      ended.put(
          outcome,
          meters.counter(
              "tenon.global.branches.ended", "outcome", outcome.name().toLowerCase(Locale.ROOT)));
    }
    failed = meters.counter("tenon.global.branches.failures");
    parked = meters.counter("tenon.global.branches.parkings");
    meters.gauge("tenon.global.branches.open", openNow);
    meters.gauge("tenon.global.branches.parked", parkedNow);
    meters.gauge("tenon.global.branches.oldest.seconds", oldestSeconds);
    meters.gauge("tenon.global.prepared.open", preparedNow);
    meters.gauge("tenon.global.prepared.oldest.seconds", oldestPreparedSeconds);
  }

  void opened() {
    opened.increment();
  }

  void ended(Outcome outcome) {
    requireNonNull(ended.get(outcome)).increment();
  }

  /** An attempt to end a branch has failed. */
  void failed() {
    failed.increment();
  }

  void parked() {
    parked.increment();
  }

  void now(BranchStore.Census census) {
    openNow.set(census.open());
    parkedNow.set(census.parked());
    oldestSeconds.set(census.oldest().toSeconds());
  }

  /** How many transactions are prepared, and for how long the oldest is. */
  void prepared(long count, Duration oldest) {
    preparedNow.set(count);
    oldestPreparedSeconds.set(Math.max(0, oldest.toSeconds()));
  }
}
