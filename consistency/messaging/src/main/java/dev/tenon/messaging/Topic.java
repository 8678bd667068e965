package dev.tenon.messaging;

import static java.util.Objects.requireNonNull;

import java.util.Optional;
import java.util.Set;

/**
 * A topic that a service publishes, and who may read it. Immutable.
 *
 * @param name letters, digits, dots, dashes and underscores; at most 200
 * @param subscribers the services that may subscribe; {@code *} stands for every known service
 * @param snapshot pages through the present state, for subscribers that start from the beginning;
 *     empty where the retained log is all there is
 */
public record Topic(String name, Set<String> subscribers, Optional<SnapshotSource> snapshot) {
  private static final String NAME_RULE = "[A-Za-z0-9][A-Za-z0-9._-]{0,199}";

  /** Stands for every service. */
  public static final String ANYONE = "*";

  /** Checks and copies. */
  public Topic {
    requireNonNull(name, "name");
    requireNonNull(snapshot, "snapshot");
    subscribers = Set.copyOf(subscribers);
    if (!name.matches(NAME_RULE)) {
      throw new IllegalArgumentException("name: " + name + " (expected: " + NAME_RULE + ")");
    }
  }

  /**
   * A topic that the named services may read.
   *
   * @param name the topic's name
   * @param subscribers names of services, or {@link #ANYONE}
   * @return the topic
   */
  public static Topic of(String name, String... subscribers) {
    return new Topic(name, Set.of(subscribers), Optional.empty());
  }

  /**
   * The same with a source of snapshots.
   *
   * @param source pages through the present state
   * @return a copy
   */
  public Topic snapshot(SnapshotSource source) {
    return new Topic(name, subscribers, Optional.of(source));
  }

  /**
   * Whether a service may subscribe.
   *
   * @param service the service's name
   * @return whether it is listed
   */
  public boolean permits(String service) {
    return subscribers.contains(ANYONE) || subscribers.contains(service);
  }
}
