package dev.tenon.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * A peer in a process of its own, as its code would run in a service: in one process, what the JIT
 * learns from one peer would cost the others. Not thread-safe.
 */
final class CallProcess implements AutoCloseable {
  private static final int CLOSE_SECONDS_MAX = 10;

  private final String peer;
  private final Process process;
  private final PrintStream commands;
  private final BufferedReader answers;

  private CallProcess(String peer, Process process) {
    this.peer = peer;
    this.process = process;
    this.commands = new PrintStream(process.getOutputStream(), true, UTF_8);
    this.answers = process.inputReader(UTF_8);
  }

  static CallProcess start(CallPeer peer) throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                CallPeers.class.getName(),
                CallPeers.path(peer))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    return new CallProcess(CallPeers.path(peer), process);
  }

  /**
   * Runs a load there.
   *
   * @throws BenchmarkException if a call failed
   */
  CallReport.Sample run(CallLoad load) throws IOException {
    commands.println(load.callers() + " " + load.seconds());
    return read(answers.readLine());
  }

  private CallReport.Sample read(@Nullable String line) {
    if (line == null) {
      throw new BenchmarkException("Could not measure " + peer + ": a call failed. See above.");
    }
    String[] parts = line.split(" ", -1);
    ByteBuffer histogram = ByteBuffer.wrap(Base64.getDecoder().decode(parts[3]));
    try {
      return new CallReport.Sample(
          Double.parseDouble(parts[0]),
          Histogram.decodeFromCompressedByteBuffer(histogram, 0),
          Double.parseDouble(parts[1]),
          Double.parseDouble(parts[2]));
    } catch (DataFormatException e) {
      throw new BenchmarkException("Could not read what was measured of " + peer + ".", e);
    }
  }

  /** The other side of {@link #run}: until the input ends. */
  static void serve(CallPeer.Line line, InputStream loads, PrintStream samples)
      throws IOException, InterruptedException, ExecutionException {
    BufferedReader reader = new BufferedReader(new java.io.InputStreamReader(loads, UTF_8));
    for (String load = reader.readLine(); load != null; load = reader.readLine()) {
      String[] parts = load.split(" ", -1);
      samples.println(
          write(new CallLoad(Integer.parseInt(parts[0]), Double.parseDouble(parts[1])).run(line)));
    }
  }

  private static String write(CallReport.Sample sample) {
    Histogram histogram = sample.latencies();
    ByteBuffer buffer = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
    int length = histogram.encodeIntoCompressedByteBuffer(buffer);
    return "%s %s %s %s"
        .formatted(
            sample.rate(),
            sample.micros(),
            sample.compiling(),
            Base64.getEncoder().encodeToString(Arrays.copyOf(buffer.array(), length)));
  }

  @Override
  public void close() {
    commands.close();
    try {
      if (!process.waitFor(CLOSE_SECONDS_MAX, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
