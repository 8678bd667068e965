package dev.tenon.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Callers that call without a pause for a while, each on a virtual thread.
 *
 * @param callers how many
 * @param seconds how long
 */
record CallLoad(int callers, double seconds) {
  private static final double NANOS = 1e9;
  private static final int DIGITS = 3;

  /**
   * Calls, and measures this whole process.
   *
   * @throws BenchmarkException if an answer is wrong
   */
  CallReport.Sample run(CallPeer.Line line) throws InterruptedException, ExecutionException {
    OperatingSystemMXBean process =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
    long compiled = compiler.getTotalCompilationTime();
    long cpu = process.getProcessCpuTime();
    long start = System.nanoTime();
    Histogram all = calls(line, start + (long) (seconds * NANOS));
    double elapsed = (System.nanoTime() - start) / NANOS;
    double busy = (process.getProcessCpuTime() - cpu) / NANOS;
    return new CallReport.Sample(
        all.getTotalCount() / elapsed,
        all,
        busy * TimeUnit.SECONDS.toMicros(1) / all.getTotalCount(),
        (compiler.getTotalCompilationTime() - compiled) / (elapsed * 1000));
  }

  private Histogram calls(CallPeer.Line line, long end)
      throws InterruptedException, ExecutionException {
    Histogram all = new Histogram(DIGITS);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Histogram>> running = new ArrayList<>();
      for (int i = 0; i < callers; i++) {
        running.add(threads.submit(() -> callUntil(line, end)));
      }
      for (Future<Histogram> caller : running) {
        all.add(caller.get());
      }
    }
    return all;
  }

  private static Histogram callUntil(CallPeer.Line line, long end) {
    Histogram own = new Histogram(DIGITS);
    long before = System.nanoTime();
    while (before < end) {
      String answer = line.greet("ann");
      if (!answer.equals("hello ann")) {
        throw new BenchmarkException("answer: " + answer + " (expected: hello ann)");
      }
      long after = System.nanoTime();
      own.recordValue(after - before);
      before = after;
    }
    return own;
  }
}
