package dev.tenon.invocation;

import static java.util.Objects.requireNonNull;

/**
 * What is called.
 *
 * @param service the service's name
 * @param operation the operation's name, of which there are few: no ids in it
 */
public record Target(String service, String operation) {
  /** Checks the parts. */
  public Target {
    requireNonNull(service, "service");
    requireNonNull(operation, "operation");
  }
}
