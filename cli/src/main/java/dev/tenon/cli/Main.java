package dev.tenon.cli;

import dev.tenon.certificates.CertificateFilesException;
import dev.tenon.global.AutomaticTableException;
import dev.tenon.global.GlobalTransactionException;
import dev.tenon.global.OperationRefusedException;
import dev.tenon.messaging.MessagingException;
import dev.tenon.schema.SchemaException;
import dev.tenon.testing.database.PostgresServerException;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transport.TransportException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
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
      TortureCommand.class,
      MessagesCommand.class,
      SubscriptionsCommand.class,
      TransactionsCommand.class,
      AtCommand.class,
      KeysCommand.class,
      CertsCommand.class,
      SqlCommand.class,
      BenchCommand.class,
      HelpCommand.class
    })
public final class Main implements Runnable {
  /** What a command answers when it could not be done. */
  static final int FAILED = 2;

  @Spec private @Nullable CommandSpec spec;

  private Main() {}

  /**
   * Runs a command and ends this process with its status: 0 if all is well, 1 if the answer is no
   * (an audit found differences, there was no such message), 2 if the command could not be done.
   *
   * @param arguments the command and its options
   */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  static int run(String... arguments) {
    return run(new Main(), arguments);
  }

  static int run(Object commands, String... arguments) {
    try {
      return helpful(new CommandLine(commands))
          .setExecutionExceptionHandler((failure, command, parsed) -> tell(failure, arguments))
          .setCaseInsensitiveEnumValuesAllowed(true)
          .execute(arguments);
    } catch (RuntimeException | Error failure) {
      return tell(failure, arguments);
    }
  }

  /** Each command takes --help; the command "help" has it already. */
  private static CommandLine helpful(CommandLine line) {
    if (!(line.getCommand() instanceof HelpCommand)) {
      OptionSpec help =
          OptionSpec.builder("-h", "--help").usageHelp(true).description("Show this.").build();
      line.getCommandSpec().addOption(help);
    }
    line.getSubcommands().values().forEach(Main::helpful);
    return line;
  }

  /** One sentence; if a user can do nothing about it, its stack trace goes to a file. */
  private static int tell(Throwable failure, String... arguments) {
    boolean told =
        failure instanceof CliException
            || failure instanceof SchemaException
            || failure instanceof MessagingException
            || failure instanceof TransactionException
            || failure instanceof GlobalTransactionException
            || failure instanceof OperationRefusedException
            || failure instanceof AutomaticTableException
            || failure instanceof TransportException
            || failure instanceof CertificateFilesException
            || failure instanceof IllegalArgumentException
            || failure instanceof PostgresServerException;
    if (told) {
      System.err.println(failure.getMessage());
    } else {
      System.err.printf(
          "Could not run the command [command=%s]: %s. %s%n",
          arguments.length == 0 ? "" : arguments[0], failure, traced(failure));
    }
    return FAILED;
  }

  private static String traced(Throwable failure) {
    StringWriter trace = new StringWriter();
    failure.printStackTrace(new PrintWriter(trace, true));
    Path file = DemoHome.here().log("cli");
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(
          file, trace.toString(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      return "Report it with the end of " + file + ".";
    } catch (IOException e) {
      return "Report it with this:" + System.lineSeparator() + trace;
    }
  }

  @Override
  public void run() {
    if (spec != null) {
      throw new ParameterException(spec.commandLine(), "Name a command.");
    }
  }
}
