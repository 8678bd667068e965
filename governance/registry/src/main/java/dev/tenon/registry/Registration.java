package dev.tenon.registry;

import static java.util.Objects.requireNonNull;

/**
 * An instance that is registered.
 *
 * @param instance what it tells of itself
 * @param epoch of its lease
 * @param state whether new calls are to go there
 * @param version the number of its last change
 */
public record Registration(Instance instance, long epoch, State state, long version) {
  /** Checks that nothing is missing. */
  public Registration {
    requireNonNull(instance, "instance");
    requireNonNull(state, "state");
  }

  /** Whether new calls are to go to an instance. */
  public enum State {
    UP,
    /** It ends what is under way, and takes no more. */
    DRAINING
  }

  /**
   * Its lease.
   *
   * @return what it renews
   */
  public Lease lease() {
    return new Lease(instance.service(), instance.id(), epoch);
  }
}
