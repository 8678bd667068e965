package dev.tenon.bench;

import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/** A histogram of latencies, 1 µs to 5 min with three digits. Not thread-safe. */
final class Latencies {
  private static final long MICROS_MAX = TimeUnit.MINUTES.toMicros(5);

  private final Histogram micros = new Histogram(1, MICROS_MAX, 3);

  /** Adds one; an effect seen before the producer was told of its commit counts as 1 µs. */
  void add(long nanos) {
    micros.recordValue(Math.clamp(TimeUnit.NANOSECONDS.toMicros(nanos), 1, MICROS_MAX));
  }

  long count() {
    return micros.getTotalCount();
  }

  /** The latency that this share of the messages stays within, in milliseconds; 0 of none. */
  double millis(double percentile) {
    return count() == 0 ? 0 : micros.getValueAtPercentile(percentile) / 1_000.0;
  }
}
