package dev.tenon.cli;

import dev.tenon.transport.ServiceKeys;
import dev.tenon.transport.TransportException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Gives each service of a demo its own key, and the public keys of all. */
final class DemoKeys {
  private DemoKeys() {}

  /** New keys for a run; the directory of each service holds its own private key only. */
  static void generate(DemoHome home) {
    String[] services = DemoHome.SERVICES.toArray(String[]::new);
    try {
      ServiceKeys.generate(home.keys(), services);
      Path publicKeys = home.keys().resolve(ServiceKeys.PUBLIC_KEYS_FILE);
      for (String service : services) {
        Path directory = Files.createDirectories(directory(home, service));
        Path key = ServiceKeys.privateKeyFile(home.keys(), service);
        Files.move(
            key,
            ServiceKeys.privateKeyFile(directory, service),
            StandardCopyOption.REPLACE_EXISTING);
        Files.copy(
            publicKeys,
            directory.resolve(ServiceKeys.PUBLIC_KEYS_FILE),
            StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (IOException | TransportException e) {
      throw new CliException(
          "Could not write service keys [directory=%s]: %s.".formatted(home.keys(), e.getMessage()),
          e);
    }
  }

  static Path directory(DemoHome home, String service) {
    return home.keys().resolve(service);
  }
}
