package dev.tenon.bench;

import dev.tenon.testing.database.PostgresServer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures how fast messages go from a producer's commit to their effect's commit in another
 * database, for Tenon and its peers, in turn on one PostgreSQL that makes every commit durable.
 *
 * <p>Prints a table, or JSON, on the standard output, and progress on the standard error. Exits
 * with 0, with 1 if a message was lost, doubled or refused, with 2 if an option is wrong.
 */
@Command(
    name = "outbox",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Messages/s and latency, commit to effect, beside other outboxes.")
public final class OutboxBenchmark implements Callable<Integer> {

  @Option(names = "--rounds", description = "Rounds, each with every case (${DEFAULT-VALUE}).")
  private int rounds = 3;

  @Option(names = "--seconds", description = "Measured seconds of a case (${DEFAULT-VALUE}).")
  private double seconds = 2;

  @Option(names = "--warm-up", description = "Seconds before them (${DEFAULT-VALUE}).")
  private double warmUp = 0.5;

  @Option(names = "--producers", split = ",", description = "Producers (${DEFAULT-VALUE}).")
  private List<Integer> producers = List.of(1, 8, 32);

  @Option(names = "--low-rate", description = "Messages/s at low load (${DEFAULT-VALUE}).")
  private int lowRate = 50;

  @Option(names = "--low-seconds", description = "Seconds of it; 0: none (${DEFAULT-VALUE}).")
  private double lowSeconds = 3;

  @Option(names = "--in-flight", description = "Undelivered messages at most (${DEFAULT-VALUE}).")
  private int inFlight = 2_000;

  @Option(names = "--only", split = ",", description = "Contenders by name; all unless given.")
  private List<String> only = List.of();

  @Option(names = "--json", description = "JSON instead of a table.")
  private boolean json;

  /** Made by {@link #main}. */
  private OutboxBenchmark() {}

  /**
   * Runs the benchmark and ends the process.
   *
   * @param arguments options; {@code --help} lists them
   */
  public static void main(String[] arguments) {
    CommandLine line = new CommandLine(new OutboxBenchmark());
    line.setExecutionExceptionHandler(
        (failure, commandLine, parsed) -> {
          if (failure instanceof IllegalArgumentException) {
            System.err.println(failure.getMessage());
            return CommandLine.ExitCode.USAGE;
          }
          failure.printStackTrace(System.err);
          return CommandLine.ExitCode.SOFTWARE;
        });
    System.exit(line.execute(arguments));
  }

  @Override
  public Integer call() {
    Plan plan =
        new Plan(
            rounds,
            duration(seconds),
            duration(warmUp),
            producers,
            lowRate,
            duration(lowSeconds),
            inFlight);
    List<Contender> contenders = Contenders.named(only);
    try (PostgresServer server = Contenders.server()) {
      Results results = new Benchmark(server, contenders, plan, System.err).warmUp().run();
      String version = server.version();
      System.out.println(
          json
              ? JsonReport.of(plan, contenders, results, version)
              : new Report(plan, contenders, results, version).table());
      return 0;
    }
  }

  private static Duration duration(double seconds) {
    return Duration.ofMillis(Math.round(seconds * 1_000));
  }
}
