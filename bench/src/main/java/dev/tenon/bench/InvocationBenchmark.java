package dev.tenon.bench;

import static java.util.Objects.requireNonNull;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.HdrHistogram.Histogram;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures unary calls with a small body over loopback, client and server in this process: Tenon
 * beside the library it stands on (on the same virtual threads), grpc-java and Spring, in turn.
 *
 * <p>Processor time counts both sides. Prints a table on the standard output, and progress on the
 * standard error. Exits with 0, with 1 if a call failed, with 2 if an option is wrong.
 */
@Command(
    name = "invocation",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Calls/s, latency and processor time of calls, beside other libraries.")
public final class InvocationBenchmark implements Callable<Integer> {
  private static final List<CallPeer> PEERS =
      List.of(
          new RestPeers.TenonRest(),
          new RestPeers.ArmeriaRest(),
          new SpringPeers.SpringRest(),
          new GrpcPeers.TenonGrpc(),
          new GrpcPeers.ArmeriaGrpc(),
          new GrpcPeers.GrpcJava(),
          new SpringPeers.SpringGrpc());
  private static final double NANOS = 1e9;
  private static final int DIGITS = 3;

  @Option(names = "--rounds", description = "Rounds, each with every case (${DEFAULT-VALUE}).")
  private int rounds = 5;

  @Option(names = "--seconds", description = "Measured seconds of a case (${DEFAULT-VALUE}).")
  private double seconds = 2;

  @Option(names = "--warm-up", description = "Seconds before all, a case (${DEFAULT-VALUE}).")
  private double warmUp = 5;

  @Option(names = "--callers", split = ",", description = "Callers (${DEFAULT-VALUE}).")
  private List<Integer> callers = List.of(1, 32);

  @Option(
      names = "--peers",
      split = ",",
      description = "Those whose group/name begins so, as rest or grpc/tenon; all unless given.")
  private List<String> chosen = List.of("");

  private final OperatingSystemMXBean process =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  /** Made by {@link #main}. */
  private InvocationBenchmark() {}

  /**
   * Runs the benchmark and ends the process.
   *
   * @param arguments options; {@code --help} lists them
   */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new InvocationBenchmark()).execute(arguments));
  }

  /**
   * One run of one case.
   *
   * @param rate calls a second
   * @param latencies in nanoseconds
   * @param micros processor time of a call, both sides
   */
  private record Sample(double rate, Histogram latencies, double micros) {}

  @Override
  public Integer call() throws Exception {
    Map<CallPeer, CallPeer.Line> lines = new LinkedHashMap<>();
    try {
      for (CallPeer peer : PEERS) {
        if (!isChosen(peer)) {
          continue;
        }
        CallPeer.Line line = peer.open();
        lines.put(peer, line);
        System.err.printf("warming up %s %s%n", peer.group(), peer.name());
        var unused = run(line, callers.getLast(), warmUp);
      }
      for (int count : callers) {
        report(count, measure(lines, count));
      }
      System.out.println("\nCPU is the processor time of client and server together.");
      System.out.println("Next: compare two runs; figures move with what else the machine does.");
      return CommandLine.ExitCode.OK;
    } finally {
      for (CallPeer.Line line : lines.values()) {
        line.close();
      }
    }
  }

  private boolean isChosen(CallPeer peer) {
    String name = peer.group() + "/" + peer.name();
    return chosen.stream().anyMatch(name::startsWith);
  }

  private Map<CallPeer, List<Sample>> measure(Map<CallPeer, CallPeer.Line> lines, int count)
      throws Exception {
    Map<CallPeer, List<Sample>> samples = new LinkedHashMap<>();
    List<CallPeer> peers = List.copyOf(lines.keySet());
    peers.forEach(peer -> samples.put(peer, new ArrayList<>()));
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < peers.size(); i++) {
        CallPeer peer = peers.get((i + round) % peers.size());
        Sample sample = run(requireNonNull(lines.get(peer)), count, seconds);
        requireNonNull(samples.get(peer)).add(sample);
        System.err.printf(
            Locale.ROOT,
            "round %d/%d, %d callers, %s %-10s %,9.0f/s%n",
            round + 1,
            rounds,
            count,
            peer.group(),
            peer.name(),
            sample.rate());
      }
    }
    return samples;
  }

  private Sample run(CallPeer.Line line, int count, double time) throws Exception {
    long cpu = process.getProcessCpuTime();
    long start = System.nanoTime();
    long end = start + (long) (time * NANOS);
    Histogram all = new Histogram(DIGITS);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Histogram>> callersRunning = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        callersRunning.add(threads.submit(() -> callUntil(line, end)));
      }
      for (Future<Histogram> caller : callersRunning) {
        all.add(caller.get());
      }
    }
    double elapsed = (System.nanoTime() - start) / NANOS;
    double micros = (process.getProcessCpuTime() - cpu) / 1000.0 / all.getTotalCount();
    return new Sample(all.getTotalCount() / elapsed, all, micros);
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

  private static void report(int count, Map<CallPeer, List<Sample>> samples) {
    System.out.printf("%n%d callers%n", count);
    System.out.printf(
        "  %-6s %-10s %10s %9s %9s %9s %14s%n",
        "", "", "calls/s", "p50 ms", "p99 ms", "CPU us", "CPU / armeria");
    for (Map.Entry<CallPeer, List<Sample>> entry : samples.entrySet()) {
      CallPeer peer = entry.getKey();
      double reference =
          samples.entrySet().stream()
              .filter(
                  other ->
                      other.getKey().name().equals("armeria")
                          && other.getKey().group().equals(peer.group()))
              .mapToDouble(other -> median(other.getValue()).micros())
              .findFirst()
              .orElse(Double.NaN);
      Sample middle = median(entry.getValue());
      Histogram all = new Histogram(DIGITS);
      entry.getValue().forEach(sample -> all.add(sample.latencies()));
      System.out.printf(
          Locale.ROOT,
          "  %-6s %-10s %,10.0f %9.3f %9.3f %9.1f %14.2f%n",
          peer.group(),
          peer.name(),
          middle.rate(),
          all.getValueAtPercentile(50) / 1e6,
          all.getValueAtPercentile(99) / 1e6,
          middle.micros(),
          middle.micros() / reference);
    }
  }

  private static Sample median(List<Sample> samples) {
    return samples.stream()
        .sorted(Comparator.comparingDouble(Sample::micros))
        .toList()
        .get(samples.size() / 2);
  }
}
