package dev.tenon.cli;

import dev.tenon.transport.ServiceKeys;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ./tenon keys}. */
@Command(
    name = "keys",
    description = "The keys with which services prove who they are.",
    synopsisSubcommandLabel = "COMMAND")
final class KeysCommand {

  @Command(
      name = "generate",
      description =
          "Makes a key pair for each service: SERVICE.key for it alone, services.json for all."
              + " Repeat it to rotate: older public keys stay for a while.")
  int generate(
      @Option(names = "--directory", required = true, paramLabel = "DIR") Path directory,
      @Parameters(paramLabel = "SERVICE", arity = "1..*") List<String> services) {
    ServiceKeys.generate(directory, services.toArray(String[]::new));
    for (String service : services) {
      System.out.println(ServiceKeys.privateKeyFile(directory, service));
    }
    System.out.println(directory.resolve(ServiceKeys.PUBLIC_KEYS_FILE));
    return 0;
  }
}
