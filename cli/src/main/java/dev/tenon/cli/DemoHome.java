package dev.tenon.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a demo finds and leaves things.
 *
 * @param root the root of the repository, with the built services below it
 * @param data what the demo writes is below it: {@code .tenon} in the root unless told otherwise
 */
record DemoHome(Path root, Path data) {

  /** The services, in the order in which they are shown. */
  static final List<String> SERVICES = List.of("user", "order", "inventory", "payment");

  static DemoHome of(Path root) {
    Path home = root.toAbsolutePath().normalize();
    return new DemoHome(home, home.resolve(".tenon"));
  }

  /**
   * The repository that {@code ./tenon} belongs to, or else the current directory, and where the
   * variable TENON_DATA tells the launcher to write.
   */
  static DemoHome here() {
    DemoHome home = of(Path.of(System.getProperty("tenon.home", ".")));
    String data = System.getProperty("tenon.data");
    return data == null ? home : new DemoHome(home.root, Path.of(data).toAbsolutePath());
  }

  Path logs() {
    return data.resolve("logs");
  }

  Path log(String service) {
    return logs().resolve(service + ".log");
  }

  Path postgres() {
    return data.resolve("postgres");
  }

  /** PostgreSQL of one service alone. */
  Path postgres(String service) {
    return data.resolve("postgres-" + service);
  }

  /** A directory for each service, with its keys. */
  Path keys() {
    return data.resolve("keys");
  }

  /** The services, unpacked. */
  Path apps() {
    return data.resolve("apps");
  }

  /** What other commands read about the demo that is up. */
  Path stateFile() {
    return data.resolve("demo.json");
  }

  Path lockFile() {
    return data.resolve("demo.lock");
  }

  /** The jar of a service, with all it needs inside. */
  Path jar(String service) {
    Path target = root.resolve("examples/quickstart").resolve(service).resolve("target");
    try (var files = Files.newDirectoryStream(target, "quickstart-" + service + "-*-app.jar")) {
      for (Path jar : files) {
        return jar;
      }
    } catch (IOException e) {
      throw notBuilt(service, target, e);
    }
    throw notBuilt(service, target, null);
  }

  private static CliException notBuilt(String service, Path target, @Nullable Exception cause) {
    return new CliException(
        "Could not find the jar of a service [service=%s, directory=%s]: it is not built."
                .formatted(service, target)
            + " Run ./tenon demo, or ./mvnw package.",
        cause);
  }
}
