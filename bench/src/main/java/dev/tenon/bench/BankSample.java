package dev.tenon.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;

/**
 * One run of one peer.
 *
 * @param seconds from the first transaction until the last one was answered
 * @param settling seconds from then until nothing was held any more
 * @param refused transactions that were refused, and made again
 * @param commits local commits of the run
 * @param roundTrips to databases, of the run
 * @param micros processor time of the run, all of the peer's own processes
 * @param latencies in microseconds, from the first attempt on
 */
record BankSample(
    double seconds,
    double settling,
    long refused,
    long commits,
    long roundTrips,
    double micros,
    Histogram latencies) {
  private static final int PARTS = 7;

  long transfers() {
    return latencies.getTotalCount();
  }

  /** Transactions a second, the time until nothing was held included. */
  double rate() {
    return transfers() / (seconds + settling);
  }

  /** The same with what a coordinator in a process of its own has used. */
  BankSample and(Usage coordinator) {
    return new BankSample(
        seconds,
        settling,
        refused,
        commits + coordinator.commits(),
        roundTrips + coordinator.roundTrips(),
        micros + coordinator.micros(),
        latencies);
  }

  /**
   * What a process has used.
   *
   * @param commits in databases
   * @param roundTrips to databases
   * @param micros of processor time
   */
  record Usage(long commits, long roundTrips, double micros) {
    /** What this process has used so far. */
    static Usage now() {
      OperatingSystemMXBean process =
          ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
      return new Usage(
          CountingSocketFactory.commits(BankDatabase.COUNTER).sum(),
          CountingSocketFactory.counter(BankDatabase.COUNTER).sum(),
          TimeUnit.NANOSECONDS.toMicros(process.getProcessCpuTime()));
    }

    Usage since(Usage before) {
      return new Usage(
          commits - before.commits, roundTrips - before.roundTrips, micros - before.micros);
    }

    String line() {
      return commits + " " + roundTrips + " " + micros;
    }

    static Usage parse(String line) {
      String[] parts = line.split(" ", -1);
      return new Usage(
          Long.parseLong(parts[0]), Long.parseLong(parts[1]), Double.parseDouble(parts[2]));
    }
  }

  String line() {
    ByteBuffer buffer = ByteBuffer.allocate(latencies.getNeededByteBufferCapacity());
    int length = latencies.encodeIntoCompressedByteBuffer(buffer);
    return String.join(
        " ",
        Double.toString(seconds),
        Double.toString(settling),
        Long.toString(refused),
        Long.toString(commits),
        Long.toString(roundTrips),
        Double.toString(micros),
        Base64.getEncoder().encodeToString(Arrays.copyOf(buffer.array(), length)));
  }

  /** The other side of {@link #line}. */
  static BankSample parse(String line) {
    String[] parts = line.split(" ", -1);
    if (parts.length != PARTS) {
      throw new BenchmarkException("Could not read what was measured: " + line);
    }
    ByteBuffer histogram = ByteBuffer.wrap(Base64.getDecoder().decode(parts[6]));
    try {
      return new BankSample(
          Double.parseDouble(parts[0]),
          Double.parseDouble(parts[1]),
          Long.parseLong(parts[2]),
          Long.parseLong(parts[3]),
          Long.parseLong(parts[4]),
          Double.parseDouble(parts[5]),
          Histogram.decodeFromCompressedByteBuffer(histogram, 0));
    } catch (DataFormatException e) {
      throw new BenchmarkException("Could not read what was measured: " + e.getMessage(), e);
    }
  }
}
