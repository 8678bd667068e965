package dev.tenon.bench;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures unary calls with a small body over loopback: Tenon beside the library it stands on (on
 * the same virtual threads), grpc-java and Spring, in turn. Each has a process of its own, with its
 * client and its server.
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
  private static final int WARM_UP_SECONDS_MAX = 60;

  @Option(names = "--rounds", description = "Rounds, each with every case (${DEFAULT-VALUE}).")
  private int rounds = 5;

  @Option(names = "--seconds", description = "Measured seconds of a case (${DEFAULT-VALUE}).")
  private double seconds = 2;

  @Option(
      names = "--warm-up",
      description = "Calls before all, a peer (${DEFAULT-VALUE}); a minute at most.")
  private long warmUp = 200_000;

  @Option(names = "--callers", split = ",", description = "Callers (${DEFAULT-VALUE}).")
  private List<Integer> callers = List.of(1, 8, 64);

  @Option(
      names = "--peers",
      split = ",",
      description = "Those whose group/name begins so, as rest or grpc/tenon; all unless given.")
  private List<String> chosen = List.of("");

  /** Made by {@link #main}, and by a test. */
  InvocationBenchmark() {}

  /**
   * Runs the benchmark and ends the process.
   *
   * @param arguments options; {@code --help} lists them
   */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new InvocationBenchmark()).execute(arguments));
  }

  @Override
  public Integer call() throws Exception {
    Map<CallPeer, CallProcess> processes = new LinkedHashMap<>();
    try {
      for (CallPeer peer : CallPeers.beginningWith(chosen)) {
        CallProcess process = CallProcess.start(peer);
        processes.put(peer, process);
        System.err.printf("warming up %s%n", CallPeers.path(peer));
        warmUp(process);
      }
      for (int count : callers) {
        System.out.print(CallReport.table(count, measure(processes, count)));
      }
      System.out.printf(
          """

          Medians of %d rounds; percentiles of all calls. CPU: processor time of client and
          server together; beside armeria: the median of the rounds' ratios. JIT: the share of
          the time in which code was compiled; where it is high, give a longer --warm-up.
          """,
          rounds);
      return CommandLine.ExitCode.OK;
    } finally {
      processes.values().forEach(CallProcess::close);
    }
  }

  /** By calls, not by time: on a busy machine, and of slow peers, more time makes the same code. */
  private void warmUp(CallProcess process) throws IOException {
    long calls = 0;
    for (int second = 0; second < WARM_UP_SECONDS_MAX && calls < warmUp; second++) {
      int count = second % 3 == 2 ? callers.getFirst() : callers.getLast();
      calls += process.run(new CallLoad(count, 1)).latencies().getTotalCount();
    }
  }

  private Map<CallPeer, List<CallReport.Sample>> measure(
      Map<CallPeer, CallProcess> processes, int count) throws IOException {
    Map<CallPeer, List<CallReport.Sample>> samples = new LinkedHashMap<>();
    List<CallPeer> peers = List.copyOf(processes.keySet());
    peers.forEach(peer -> samples.put(peer, new ArrayList<>()));
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < peers.size(); i++) {
        CallPeer peer = peers.get((i + round) % peers.size());
        CallReport.Sample sample =
            requireNonNull(processes.get(peer)).run(new CallLoad(count, seconds));
        requireNonNull(samples.get(peer)).add(sample);
        System.err.printf(
            Locale.ROOT,
            "round %d/%d, %d callers, %-14s %,9.0f/s%n",
            round + 1,
            rounds,
            count,
            CallPeers.path(peer),
            sample.rate());
      }
    }
    return samples;
  }
}
