package dev.tenon.cli;

import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which services a command asks: all of the demo, or one. */
final class ServicesOptions extends DatabaseOptions {
  @Option(
      names = "--service",
      paramLabel = "NAME",
      description = "Only this service. Without it, all of the demo that is up.")
  private @Nullable String service;

  List<String> services() {
    if (service != null) {
      return List.of(service);
    }
    if (given()) {
      throw new CliException("service: none (expected: the name of the one that --url is of)");
    }
    return DemoState.require(DemoHome.here()).services().keySet().stream()
        .map(ServiceInstance::service)
        .distinct()
        .toList();
  }
}
