package dev.tenon.registry;

import static java.util.Objects.requireNonNull;

import java.util.UUID;

/**
 * The right of one incarnation of an instance to be registered. The epoch is its fence: what is
 * said under an older one than is registered changes nothing.
 *
 * @param service the service's name
 * @param id of the instance
 * @param epoch larger than that of every incarnation before; above 0
 */
public record Lease(String service, UUID id, long epoch) {
  /** Checks that nothing is missing. */
  public Lease {
    requireNonNull(service, "service");
    requireNonNull(id, "id");
    if (epoch < 1) {
      throw new IllegalArgumentException("epoch: " + epoch + " (expected: > 0)");
    }
  }
}
