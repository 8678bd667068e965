package dev.tenon.cli;

import dev.tenon.global.AutomaticTables;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code ./tenon at}. */
@Command(
    name = "at",
    description = "The tables whose changes are undone automatically.",
    synopsisSubcommandLabel = "COMMAND")
final class AtCommand {

  @Command(name = "list", description = "Lists the tables that are opted in.")
  int list(@Mixin ServiceOptions target) {
    List<String> tables = tables(target).list(target.database().dataSource());
    System.out.println(
        tables.isEmpty() ? "No table is opted in." : String.join(System.lineSeparator(), tables));
    return 0;
  }

  @Command(
      name = "enable",
      description = "Opts tables in: triggers keep what rows were, so that it can be undone.")
  int enable(
      @Mixin ServiceOptions target,
      @Parameters(paramLabel = "TABLE", arity = "1..*") List<String> tables) {
    tables(target).enable(target.database().dataSource(), tables);
    System.out.println("Opted in: " + String.join(", ", tables) + ".");
    return 0;
  }

  @Command(name = "disable", description = "Takes tables out that no open branch has changed.")
  int disable(
      @Mixin ServiceOptions target,
      @Parameters(paramLabel = "TABLE", arity = "1..*") List<String> tables) {
    tables(target).disable(target.database().dataSource(), tables);
    System.out.println("Opted out: " + String.join(", ", tables) + ".");
    return 0;
  }

  private static AutomaticTables tables(ServiceOptions target) {
    return AutomaticTables.of(target.database().tenonSchema());
  }
}
