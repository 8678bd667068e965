package dev.tenon.bench;

import dev.tenon.testing.database.PostgresServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures distributed transactions of two updates in two databases: Tenon, its peers, and two
 * plain local commits, in turn on one PostgreSQL that makes every commit durable. Each has a
 * process of its own, with its own libraries.
 *
 * <p>Prints tables in Markdown on the standard output, and progress on the standard error. Exits
 * with 0, with 1 if a transfer was lost, doubled or has left something, with 2 if an option is
 * wrong.
 */
@Command(
    name = "global",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Distributed transactions/s, latency and costs, beside other ways.")
public final class GlobalBenchmark implements Callable<Integer> {

  @Option(names = "--rounds", description = "Rounds, each with every case (${DEFAULT-VALUE}).")
  private int rounds = 3;

  @Option(names = "--seconds", description = "Measured seconds of a case (${DEFAULT-VALUE}).")
  private double seconds = 1.5;

  @Option(names = "--warm-up", description = "Seconds before all, a peer (${DEFAULT-VALUE}).")
  private double warmUp = 6;

  @Option(names = "--clients", split = ",", description = "Clients (${DEFAULT-VALUE}).")
  private List<Integer> clients = List.of(1, 8, 32);

  @Option(
      names = "--hot",
      split = ",",
      description = "Clients that all write the same two rows; 0: none (${DEFAULT-VALUE}).")
  private List<Integer> hot = List.of(8, 32);

  @Option(names = "--only", split = ";", description = "Peers by name; all unless given.")
  private List<String> only = List.of();

  /** Made by {@link #main}, and by a test. */
  GlobalBenchmark() {}

  /**
   * Runs the benchmark and ends the process.
   *
   * @param arguments options; {@code --help} lists them
   */
  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new GlobalBenchmark());
    line.setExecutionExceptionHandler(
        (failure, commandLine, parsed) -> {
          if (failure instanceof IllegalArgumentException) {
            System.err.println(failure.getMessage());
            return CommandLine.ExitCode.USAGE;
          }
          failure.printStackTrace(System.err);
          return CommandLine.ExitCode.SOFTWARE;
        });
    return line;
  }

  @Override
  public Integer call() throws IOException {
    List<BankPeer> peers =
        only.isEmpty() ? BankPeer.all() : only.stream().map(BankPeer::named).toList();
    for (int count : clients) {
      if (count < 1 || count > BankSite.CONNECTIONS) {
        throw new IllegalArgumentException(
            "clients: " + count + " (expected: 1.." + BankSite.CONNECTIONS + ")");
      }
    }
    Path directory = Files.createTempDirectory("tenon-bench-global");
    try (PostgresServer server = BankSites.server();
        BankRounds bench = new BankRounds(server, peers, directory, System.err)) {
      System.err.println("What the processes say: " + directory);
      bench.warmUp(warmUp);
      for (int round = 0; round < rounds; round++) {
        bench.round(round, clients, hot.stream().filter(count -> count > 0).toList(), seconds);
      }
      bench.check();
      System.out.print(new BankReport(peers, bench.samples(), bench.diskFlushes(), rounds).text());
      return CommandLine.ExitCode.OK;
    }
  }
}
