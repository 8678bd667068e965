package dev.tenon.cli;

import dev.tenon.runtime.Json;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./tenon torture}. */
@Command(
    name = "torture",
    description =
        "Runs the demo's services under load while they and their databases are killed and"
            + " stopped, the network is disturbed and clocks jump; then audits them.")
final class TortureCommand implements Callable<Integer> {
  /** The status of what Ctrl-C ends. */
  private static final int INTERRUPTED = 130;

  private static final int SEED_MAX = 1_000_000;
  private static final int SECONDS_PER_MINUTE = 60;

  @Option(
      names = "--minutes",
      paramLabel = "N",
      defaultValue = "5",
      description = "How long faults are done; parts of a minute are allowed. Default: 5.")
  private double minutes;

  @Option(
      names = "--kills",
      paramLabel = "N",
      defaultValue = "0",
      description = "End after so many kills, if that is earlier.")
  private int kills;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Choose the same faults as a run that had this seed; without it, others.")
  private @Nullable Long seed;

  @Option(names = "--json", description = "Print the report as JSON, and nothing else, on stdout.")
  private boolean json;

  @Override
  public Integer call() throws InterruptedException {
    if (!(minutes > 0) || kills < 0) {
      throw new CliException("--minutes must be more than 0, and --kills not less.");
    }
    long chosen = seed == null ? new SecureRandom().nextInt(SEED_MAX) : seed;
    Duration length = Duration.ofMillis(Math.round(minutes * SECONDS_PER_MINUTE * 1e3));
    TorturePlan plan = new TorturePlan(chosen, length, kills);
    Progress progress = Progress.onStderr();
    try (Torture torture = new Torture(DemoHome.here(), plan, progress)) {
      Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(torture::close));
      return run(torture, progress);
    } finally {
      progress.end();
    }
  }

  private int run(Torture torture, Progress progress) throws InterruptedException {
    try {
      TortureReport report = torture.run();
      progress.end();
      System.out.println(json ? Json.mapper().writeValueAsString(report.json()) : report.text());
      System.out.flush();
      return report.consistent() ? 0 : 1;
    } catch (RuntimeException e) {
      if (torture.ended()) {
        return INTERRUPTED;
      }
      throw e;
    }
  }
}
