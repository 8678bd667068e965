package dev.tenon.invocation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.invocation.spi.Endpoint;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Which endpoint is chosen. */
class EndpointPoolTest {
  private static final EjectionPolicy POLICY = EjectionPolicy.defaults();
  private static final int CALLS = 10_000;

  private final EndpointPool pool = new EndpointPool(POLICY, new Random(7));
  private long now = 1_000_000;

  @Test
  void sharesCallsByWeight() {
    pool.update(List.of(new Endpoint("a", 1, 100), new Endpoint("b", 1, 300)));

    Map<String, Integer> calls = ended(CALLS);

    assertThat(calls.get("b")).isGreaterThan(2 * calls.get("a"));
    assertThat(calls.get("a")).isGreaterThan(CALLS / 20);
  }

  @Test
  void choosesWhoHasLessToDo() {
    pool.update(List.of(endpoint("busy"), endpoint("idle")));
    for (int i = 0; i < 100; i++) {
      EndpointState chosen = pool.choose(now, List.of()).orElseThrow();
      if (chosen.endpoint().host().equals("idle")) {
        chosen.end();
      }
    }
    EndpointState busy = busy();

    assertThat(busy.pending()).isLessThan(40);
  }

  private EndpointState busy() {
    EndpointState chosen = pool.choose(now, List.of()).orElseThrow();
    while (!chosen.endpoint().host().equals("busy")) {
      chosen.end();
      chosen = pool.choose(now, List.of()).orElseThrow();
    }
    return chosen;
  }

  @Test
  void leavesOutWhoIsEjectedAndGivesHisShareBackLittleByLittle() {
    pool.update(List.of(endpoint("a"), endpoint("b"), endpoint("c")));
    EndpointState ejected = pool.choose(now, List.of()).orElseThrow();
    ejected.end();
    String host = ejected.endpoint().host();
    ejected.breaker().unreached(now);

    assertThat(ended(CALLS)).doesNotContainKey(host);
    now = ejected.breaker().openUntil() + 1;
    assertThat(ejected.breaker().tryAcquire(now)).isTrue(); // the probe
    ejected.breaker().succeeded(now);
    int atFirst = ended(CALLS).getOrDefault(host, 0);
    now += POLICY.returnOver().toMillis();
    int atLast = ended(CALLS).getOrDefault(host, 0);

    assertThat(atFirst).isLessThan(atLast / 2).isPositive();
    assertThat(atLast).isBetween(CALLS / 4, CALLS / 2);
  }

  @Test
  void keepsWhatItKnowsOfEndpointsThatStay() {
    pool.update(List.of(endpoint("a")));
    EndpointState before = pool.choose(now, List.of()).orElseThrow();
    pool.update(List.of(endpoint("b"), new Endpoint("a", 1, 7)));

    assertThat(before.endpoint().weight()).isEqualTo(7);
    assertThat(pool.size()).isEqualTo(2);
    pool.update(List.of());
    assertThat(pool.choose(now, List.of())).isEmpty();
  }

  @Test
  void ejectsNoMoreThanHalfOfTheEndpointsForFailing() {
    pool.update(List.of(endpoint("a"), endpoint("b")));
    assertThat(pool.mayEject()).isTrue();
    EndpointState first = pool.choose(now, List.of()).orElseThrow();
    for (int i = 0; i < POLICY.failuresInRowMax(); i++) {
      first.breaker().failed(now, pool.mayEject());
    }

    assertThat(pool.closed()).isEqualTo(1);
    assertThat(pool.mayEject()).isFalse();
  }

  @Test
  void noMoreThanSoManyWaitForAnEndpointThatMayNotBeThere() {
    pool.update(List.of(endpoint("a"), endpoint("b")));
    for (int i = 0; i < 2; i++) {
      EndpointState gone = pool.choose(now, List.of()).orElseThrow();
      gone.end();
      gone.breaker().unreached(now);
    }
    now += CircuitBreaker.EARLY_PROBE_AFTER_MILLIS;

    int waiting = 0;
    while (waiting < CALLS && pool.choose(now, List.of()).isPresent()) {
      waiting++;
    }

    assertThat(waiting).isEqualTo(2 * 256);
  }

  private Map<String, Integer> ended(int calls) {
    Map<String, Integer> chosen = new HashMap<>();
    for (int i = 0; i < calls; i++) {
      EndpointState state = pool.choose(now, List.of()).orElseThrow();
      chosen.merge(state.endpoint().host(), 1, Integer::sum);
      state.end();
    }
    return chosen;
  }

  private static Endpoint endpoint(String host) {
    return new Endpoint(host, 1, Endpoint.WEIGHT_DEFAULT);
  }
}
