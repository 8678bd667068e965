package dev.tenon.cli;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * {@code ./tenon bench}: here for the help only, since the launcher runs it from its own module.
 */
@Command(
    name = "bench",
    description = "bench outbox|invocation|global: Tenon beside its peers, on this machine.")
final class BenchCommand implements Callable<Integer> {
  @Parameters(paramLabel = "NAME", arity = "0..*", description = "outbox, invocation, global")
  private List<String> ignored = List.of();

  @Override
  public Integer call() {
    throw new CliException(
        "Could not run a benchmark "
            + ignored
            + " here. Use ./tenon bench outbox, invocation or global.");
  }
}
