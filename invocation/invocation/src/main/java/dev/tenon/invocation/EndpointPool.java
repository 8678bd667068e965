package dev.tenon.invocation;

import dev.tenon.invocation.spi.Endpoint;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The endpoints of one service, and the choice among them: of two taken at random, by weight, the
 * one with less to do (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing").
 * Thread-safe.
 */
final class EndpointPool {
  private static final int LAST_RESORT_PENDING_MAX = 256; // may wait for one that is not there
  private static final int DRAWS_MAX = 4; // of endpoints that may not be asked, before all are seen

  /** An unchanging view, so that a choice takes no lock. */
  private record Members(EndpointState[] states, long[] weightsUpTo) {}

  private final EjectionPolicy policy;
  private final RandomGenerator random;
  private volatile Members members = new Members(new EndpointState[0], new long[0]);

  EndpointPool(EjectionPolicy policy, RandomGenerator random) {
    this.policy = policy;
    this.random = random;
  }

  /** Takes the new list; what is known of an endpoint that stays is kept. */
  synchronized void update(List<Endpoint> endpoints) {
    Map<String, EndpointState> before = new LinkedHashMap<>();
    for (EndpointState state : members.states()) {
      before.put(state.endpoint().address(), state);
    }
    Map<String, EndpointState> now = new LinkedHashMap<>();
    for (Endpoint endpoint : endpoints) {
      EndpointState kept = before.get(endpoint.address());
      if (kept == null) {
        kept = new EndpointState(endpoint, new CircuitBreaker(policy, random));
      } else {
        kept.update(endpoint);
      }
      now.put(endpoint.address(), kept);
    }
    List<EndpointState> states = new ArrayList<>(now.values());
    long[] weights = new long[states.size()];
    long sum = 0;
    for (int i = 0; i < weights.length; i++) {
      sum += states.get(i).endpoint().weight();
      weights[i] = sum;
    }
    members = new Members(states.toArray(EndpointState[]::new), weights);
  }

  int size() {
    return members.states().length;
  }

  int closed() {
    int closed = 0;
    for (EndpointState state : members.states()) {
      closed += state.breaker().closed() ? 1 : 0;
    }
    return closed;
  }

  /** When the first of the endpoints may be asked again. */
  Optional<Long> nextReturn() {
    Optional<Long> first = Optional.empty();
    for (EndpointState state : members.states()) {
      long until = state.breaker().openUntil();
      if (first.isEmpty() || until < first.get()) {
        first = Optional.of(until);
      }
    }
    return first;
  }

  /** Whether one more may be left out for failing: never more than half of them are. */
  boolean mayEject() {
    int size = size();
    return (size - closed() + 1) * 2 <= size;
  }

  /**
   * Chooses an endpoint, and takes the right to one call to it.
   *
   * @param tried those that should be avoided if there are others; the last is asked again if not
   */
  Optional<EndpointState> choose(long now, List<EndpointState> tried) {
    Members view = members;
    EndpointState[] states = view.states();
    if (states.length == 0) {
      return Optional.empty();
    }
    if (states.length == 1) {
      return take(states[0], now);
    }
    Optional<EndpointState> fresh = chooseUntried(view, now, tried);
    Optional<EndpointState> chosen = fresh.isPresent() ? fresh : lastResort(states, now, tried);
    return chosen.isPresent() || tried.isEmpty() ? chosen : take(tried.getLast(), now);
  }

  /**
   * Chooses an endpoint that was not tried, and takes the right to one call to it. If all of those
   * are left out for now, the one whose time is up first is probed before its time.
   */
  Optional<EndpointState> insist(long now, List<EndpointState> tried) {
    Members view = members;
    if (view.states().length == 0) {
      return Optional.empty();
    }
    Optional<EndpointState> fresh = chooseUntried(view, now, tried);
    if (fresh.isPresent()) {
      return fresh;
    }
    return Stream.of(view.states())
        .filter(state -> !tried.contains(state))
        .sorted(Comparator.comparingLong(state -> state.breaker().openUntil()))
        .filter(state -> state.breaker().tryProbe())
        .findFirst()
        .map(EndpointPool::begun);
  }

  private Optional<EndpointState> chooseUntried(Members view, long now, List<EndpointState> tried) {
    for (int draw = 0; draw < DRAWS_MAX; draw++) {
      EndpointState one = draw(view, now, tried);
      EndpointState other = draw(view, now, tried);
      EndpointState better = better(one, other, now);
      if (better != null && better.breaker().tryAcquire(now)) {
        return Optional.of(begun(better));
      }
    }
    EndpointState best = null;
    for (EndpointState state : view.states()) {
      if (!tried.contains(state) && state.breaker().available(now)) {
        best = better(best, state, now);
      }
    }
    return best == null ? Optional.empty() : take(best, now);
  }

  /**
   * One that is left out because nobody was there. It may have come back: in a rolling restart it
   * has, when the last of the others goes.
   */
  private static Optional<EndpointState> lastResort(
      EndpointState[] states, long now, List<EndpointState> tried) {
    for (EndpointState state : states) {
      if (!tried.contains(state)
          && state.pending() < LAST_RESORT_PENDING_MAX
          && state.breaker().tryLastResort(now)) {
        state.begin();
        return Optional.of(state);
      }
    }
    return Optional.empty();
  }

  /** Whether a choice that failed may succeed in a moment. */
  boolean hasLastResort(List<EndpointState> tried) {
    EndpointState[] states = members.states();
    if (states.length == 1) {
      return false; // without another there is no rolling restart: it is left alone for its time
    }
    for (EndpointState state : states) {
      if (!tried.contains(state) && state.breaker().mayBeLastResort()) {
        return true;
      }
    }
    return false;
  }

  private static Optional<EndpointState> take(EndpointState state, long now) {
    return state.breaker().tryAcquire(now) ? Optional.of(begun(state)) : Optional.empty();
  }

  private static EndpointState begun(EndpointState state) {
    state.begin();
    return state;
  }

  private @Nullable EndpointState draw(Members view, long now, List<EndpointState> tried) {
    long[] upTo = view.weightsUpTo();
    long at = random.nextLong(upTo[upTo.length - 1]);
    int low = 0;
    int high = upTo.length - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (upTo[middle] > at) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    EndpointState state = view.states()[low];
    return !tried.contains(state) && state.breaker().available(now) ? state : null;
  }

  private static @Nullable EndpointState better(
      @Nullable EndpointState one, @Nullable EndpointState other, long now) {
    if (one == null || other == null) {
      return one == null ? other : one;
    }
    return other.load(now) < one.load(now) ? other : one;
  }
}
