package dev.tenon.registry;

import static java.util.Objects.requireNonNull;

import dev.tenon.registry.Changes.Change;
import dev.tenon.registry.Changes.Reach;
import dev.tenon.registry.Changes.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;

/**
 * What a client knows of the instances of all services. It does not forget what it knew because a
 * registry that was restored, or has just begun, does not name it:
 *
 * <ul>
 *   <li>An instance that said that it leaves is gone.
 *   <li>One that a whole list does not name is kept for a while: if it lives, it is told to
 *       register anew, and is named again.
 *   <li>The last ones of a service are kept until others come, however long they were not named,
 *       also if their leases have ended. A dead one costs its callers a refused connection; a live
 *       one that was forgotten costs all calls.
 * </ul>
 *
 * <p>No I/O; belongs to one thread.
 */
final class InstanceList {
  private final Duration keep;
  private final Map<String, Map<UUID, Known>> services = new TreeMap<>();
  private UUID history = new UUID(0, 0);
  private long version;

  /** An instance, and since when it was not named, if so. */
  private record Known(Registration registration, Optional<Instant> missingSince) {}

  /**
   * Makes an empty one.
   *
   * @param keep how long what a whole list does not name is kept; more than a lease
   */
  InstanceList(Duration keep) {
    this.keep = requireNonNull(keep, "keep");
  }

  /** The history that {@link #version} is of; unlike any other before the first changes. */
  UUID history() {
    return history;
  }

  /** The number of the last change that is known. */
  long version() {
    return version;
  }

  /** The instances of a service, in an order that stays. */
  List<Registration> of(String service) {
    return services.getOrDefault(service, Map.of()).values().stream()
        .map(Known::registration)
        .sorted(Comparator.comparing(one -> one.instance().id()))
        .toList();
  }

  /** The services that have instances. */
  Set<String> services() {
    return Set.copyOf(services.keySet());
  }

  /** All instances. */
  List<Registration> all() {
    return services.keySet().stream().flatMap(service -> of(service).stream()).toList();
  }

  /**
   * Takes what was kept from before this process began. None of it is known to live.
   *
   * @param now the time
   */
  void restore(Collection<Registration> before, Instant now) {
    before.forEach(one -> known(one).put(one.instance().id(), new Known(one, Optional.of(now))));
  }

  /**
   * Applies changes.
   *
   * @param now the time
   * @return the services whose instances are others than before
   * @throws IllegalArgumentException if they do not follow what is known; ask for all
   */
  Set<String> apply(Changes changes, Instant now) {
    boolean follows = changes.history().equals(history) && changes.version() >= version;
    if (changes.reach() == Reach.SINCE && !follows) {
      throw new IllegalArgumentException(
          "changes: up to %d of %s (expected: from %d of %s on)"
              .formatted(changes.version(), changes.history(), version, history));
    }
    Map<String, List<Registration>> before = snapshot();
    if (changes.reach() == Reach.ALL) {
      services.values().forEach(known -> known.replaceAll((id, one) -> missing(one, now)));
    }
    for (Change change : changes.list()) {
      switch (change) {
        case Change.Put put -> put(put.registration());
        case Change.Gone gone -> gone(gone, now);
      }
    }
    history = changes.history();
    version = changes.version();
    prune(now);
    return differences(before);
  }

  /**
   * Lets go of what was not named for long enough.
   *
   * @param now the time
   * @return the services whose instances are others than before
   */
  Set<String> forget(Instant now) {
    Map<String, List<Registration>> before = snapshot();
    prune(now);
    return differences(before);
  }

  private void put(Registration registration) {
    known(registration)
        .put(registration.instance().id(), new Known(registration, Optional.empty()));
  }

  private Map<UUID, Known> known(Registration registration) {
    return services.computeIfAbsent(registration.instance().service(), name -> new HashMap<>());
  }

  private void gone(Change.Gone gone, Instant now) {
    Map<UUID, Known> known = services.getOrDefault(gone.lease().service(), new HashMap<>());
    Known one = known.get(gone.lease().id());
    if (one == null || one.registration().epoch() > gone.lease().epoch()) {
      return;
    }
    if (gone.reason() == Reason.EXPIRED && isLast(known, gone.lease().id())) {
      known.put(gone.lease().id(), missing(one, now));
    } else {
      known.remove(gone.lease().id());
      services.values().removeIf(Map::isEmpty);
    }
  }

  /** Whether no other instance of a service is named. */
  private static boolean isLast(Map<UUID, Known> known, UUID id) {
    return known.entrySet().stream()
        .noneMatch(each -> !each.getKey().equals(id) && each.getValue().missingSince().isEmpty());
  }

  private static Known missing(Known one, Instant now) {
    return one.missingSince().isPresent() ? one : new Known(one.registration(), Optional.of(now));
  }

  private void prune(Instant now) {
    for (Map<UUID, Known> known : services.values()) {
      if (known.values().stream().anyMatch(one -> one.missingSince().isEmpty())) {
        known
            .values()
            .removeIf(
                one ->
                    one.missingSince().filter(since -> !since.plus(keep).isAfter(now)).isPresent());
      }
    }
  }

  private Map<String, List<Registration>> snapshot() {
    Map<String, List<Registration>> snapshot = new HashMap<>();
    services.keySet().forEach(service -> snapshot.put(service, of(service)));
    return snapshot;
  }

  private Set<String> differences(Map<String, List<Registration>> before) {
    Set<String> differences = new HashSet<>(before.keySet());
    differences.addAll(services.keySet());
    differences.removeIf(service -> before.getOrDefault(service, List.of()).equals(of(service)));
    return differences;
  }
}
