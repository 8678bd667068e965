package dev.tenon.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.registry.Changes.Change;
import dev.tenon.registry.Changes.Reach;
import dev.tenon.registry.Changes.Reason;
import dev.tenon.registry.Instance.Location;
import dev.tenon.registry.Instance.Traits;
import dev.tenon.registry.Registration.State;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class InstanceListTest {
  private static final Duration KEEP = Duration.ofSeconds(20);
  private static final UUID HISTORY = new UUID(7, 7);
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
  private static final Registration A = registration("stock", 1, 1);
  private static final Registration B = registration("stock", 2, 2);

  private final InstanceList list = new InstanceList(KEEP);

  private static Registration registration(String service, long id, long epoch) {
    Instance instance =
        new Instance(
            service,
            new UUID(0, id),
            new Location("a", Map.of("tenon", 7000), ""),
            new Traits(100, "", Map.of()));
    return new Registration(instance, epoch, State.UP, epoch);
  }

  private static Changes all(UUID history, long version, Registration... registrations) {
    return new Changes(
        history,
        version,
        Reach.ALL,
        List.of(registrations).stream().<Change>map(Change.Put::new).toList());
  }

  private static Changes since(long version, Change... changes) {
    return new Changes(HISTORY, version, Reach.SINCE, List.of(changes));
  }

  @Test
  void knowsWhatAWholeListAndTheChangesAfterItName() {
    assertThat(list.apply(all(HISTORY, 2, A), START)).containsExactly("stock");
    assertThat(list.apply(since(3, new Change.Put(B)), START)).containsExactly("stock");
    assertThat(list.apply(since(3), START)).isEmpty();

    assertThat(list.of("stock")).containsExactly(A, B);
    assertThat(list.of("order")).isEmpty();
    assertThat(list.services()).containsExactly("stock");
    assertThat(list.version()).isEqualTo(3);
  }

  @Test
  void forgetsAtOnceWhoLeaves() {
    list.apply(all(HISTORY, 2, A, B), START);

    list.apply(since(3, new Change.Gone(3, A.lease(), Reason.LEFT)), START);
    assertThat(list.of("stock")).containsExactly(B);

    list.apply(since(4, new Change.Gone(4, B.lease(), Reason.LEFT)), START);
    assertThat(list.services()).isEmpty();
  }

  @Test
  void keepsTheLastOneWhoseLeaseHasEndedUntilAnotherComes() {
    list.apply(all(HISTORY, 2, A, B), START);

    list.apply(since(3, new Change.Gone(3, A.lease(), Reason.EXPIRED)), START);
    assertThat(list.of("stock")).containsExactly(B);
    list.apply(since(4, new Change.Gone(4, B.lease(), Reason.EXPIRED)), START);
    list.forget(START.plus(Duration.ofDays(1)));
    assertThat(list.of("stock")).containsExactly(B);

    Registration next = registration("stock", 3, 5);
    list.apply(since(5, new Change.Put(next)), START.plus(Duration.ofDays(1)));
    assertThat(list.of("stock")).containsExactly(next);
  }

  @Test
  void doesNotForgetThoseWhomARestoredRegistryDoesNotNameYet() {
    list.apply(all(HISTORY, 9, A, B), START);

    list.apply(all(new UUID(8, 8), 1), START);
    assertThat(list.of("stock")).containsExactly(A, B);
    Registration again = registration("stock", 2, 1);
    list.apply(all(new UUID(8, 8), 2, again), START);
    assertThat(list.of("stock")).containsExactly(A, again);

    assertThat(list.forget(START.plus(KEEP).minusMillis(1))).isEmpty();
    assertThat(list.forget(START.plus(KEEP))).containsExactly("stock");
    assertThat(list.of("stock")).containsExactly(again);
  }

  @Test
  void heedsNoEndOfAnEarlierIncarnation() {
    Registration later = registration("stock", 1, 5);
    list.apply(all(HISTORY, 5, later), START);

    list.apply(since(6, new Change.Gone(6, A.lease(), Reason.LEFT)), START);

    assertThat(list.of("stock")).containsExactly(later);
  }

  @Test
  void beginsWithWhatWasKeptFromBefore() {
    list.restore(List.of(A, B), START);
    assertThat(list.of("stock")).containsExactly(A, B);

    list.apply(all(HISTORY, 7, B), START.plus(KEEP));

    assertThat(list.of("stock")).containsExactly(B);
  }

  @Test
  void refusesChangesThatDoNotFollow() {
    list.apply(all(HISTORY, 5, A), START);

    assertThatThrownBy(() -> list.apply(since(4, new Change.Put(B)), START))
        .hasMessageStartingWith("changes: up to 4 of ");
    assertThatThrownBy(
            () ->
                list.apply(
                    new Changes(new UUID(1, 1), 9, Reach.SINCE, List.of(new Change.Put(B))), START))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(list.of("stock")).containsExactly(A);
  }
}
