package dev.tenon.bench;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.HdrHistogram.Histogram;

/** The table of one number of callers. */
final class CallReport {
  private static final String REFERENCE = "armeria";
  private static final double NANOS_PER_MILLI = 1e6;

  private CallReport() {}

  /**
   * One run of one peer.
   *
   * @param rate calls a second
   * @param latencies in nanoseconds
   * @param micros processor time of a call, both sides
   * @param compiling the share of the time in which the JIT compiled
   */
  record Sample(double rate, Histogram latencies, double micros, double compiling) {}

  /** The table; the samples of each peer are in the order of the rounds. */
  static String table(int callers, Map<CallPeer, List<Sample>> samples) {
    StringBuilder table =
        new StringBuilder("\n%d %s\n".formatted(callers, callers == 1 ? "caller" : "callers"));
    table.append(
        "  %-5s %-10s %9s %9s %9s %9s %15s %5s%n"
            .formatted("", "", "calls/s", "p50 ms", "p99 ms", "CPU us", "beside armeria", "JIT"));
    samples.forEach(
        (peer, own) -> {
          Histogram all = new Histogram(own.getFirst().latencies());
          own.forEach(sample -> all.add(sample.latencies()));
          table.append(
              String.format(
                  Locale.ROOT,
                  "  %-5s %-10s %,9.0f %9.3f %9.3f %9.1f %15.2f %4.0f%%%n",
                  peer.group(),
                  peer.name(),
                  median(own, Sample::rate),
                  all.getValueAtPercentile(50) / NANOS_PER_MILLI,
                  all.getValueAtPercentile(99) / NANOS_PER_MILLI,
                  median(own, Sample::micros),
                  besideReference(peer, samples),
                  100 * median(own, Sample::compiling)));
        });
    return table.toString();
  }

  /** Round by round, as what else the machine does changes in between. NaN without a reference. */
  private static double besideReference(CallPeer peer, Map<CallPeer, List<Sample>> samples) {
    List<Sample> own = samples.getOrDefault(peer, List.of());
    return samples.entrySet().stream()
        .filter(other -> other.getKey().name().equals(REFERENCE))
        .filter(other -> other.getKey().group().equals(peer.group()))
        .map(Map.Entry::getValue)
        .findFirst()
        .map(
            reference ->
                median(
                    IntStream.range(0, own.size()).boxed().toList(),
                    round -> own.get(round).micros() / reference.get(round).micros()))
        .orElse(Double.NaN);
  }

  private static <T> double median(List<T> values, ToDoubleFunction<T> of) {
    double[] sorted = values.stream().mapToDouble(of).sorted().toArray();
    return sorted[sorted.length / 2];
  }
}
