package dev.tenon.cli;

import dev.tenon.messaging.Messaging;
import dev.tenon.schema.ServiceDatabase;
import picocli.CommandLine.Option;

/** Which service a command works on. */
final class ServiceOptions extends DatabaseOptions {
  @Option(
      names = "--service",
      required = true,
      paramLabel = "NAME",
      description = "The service. Without --url, one of the demo that is up.")
  private String service = "";

  String service() {
    return service;
  }

  ServiceLogins.Login login() {
    return login(service);
  }

  /** The service's database, with Tenon's tables in it. */
  ServiceDatabase database() {
    return transactions(service).database();
  }

  /** The service's messaging, for its operations only: nothing is delivered here. */
  Messaging messaging() {
    return Messaging.builder(transactions(service)).build();
  }
}
