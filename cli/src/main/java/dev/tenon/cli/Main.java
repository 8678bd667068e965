package dev.tenon.cli;

import dev.tenon.messaging.MessagingException;
import dev.tenon.schema.SchemaException;
import dev.tenon.testing.database.PostgresServerException;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transport.TransportException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line {@code ./tenon}. */
@Command(
    name = "./tenon",
    description = "Joins microservices that each own a database.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      DemoCommand.class,
      AuditCommand.class,
      MessagesCommand.class,
      SubscriptionsCommand.class,
      KeysCommand.class,
      SqlCommand.class,
      BenchCommand.class,
      CommandLine.HelpCommand.class
    })
public final class Main implements Runnable {
  /** What a command answers when it could not be done. */
  static final int FAILED = 2;

  @Spec private @Nullable CommandSpec spec;

  private Main() {}

  /**
   * Runs a command and ends this process with its status: 0 if all is well, 1 if an audit finds
   * differences, 2 if the command could not be done.
   *
   * @param arguments the command and its options
   */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  static int run(String... arguments) {
    return new CommandLine(new Main())
        .setExecutionExceptionHandler((failure, command, parsed) -> tell(failure))
        .setCaseInsensitiveEnumValuesAllowed(true)
        .execute(arguments);
  }

  /** What a user can do something about is one sentence; all else keeps its stack trace. */
  private static int tell(Exception failure) throws Exception {
    boolean told =
        failure instanceof CliException
            || failure instanceof SchemaException
            || failure instanceof MessagingException
            || failure instanceof TransactionException
            || failure instanceof TransportException
            || failure instanceof IllegalArgumentException
            || failure instanceof PostgresServerException;
    if (!told) {
      throw failure;
    }
    System.err.println(failure.getMessage());
    return FAILED;
  }

  @Override
  public void run() {
    if (spec != null) {
      throw new ParameterException(spec.commandLine(), "Name a command.");
    }
  }
}
