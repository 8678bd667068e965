package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.global.ModelSearch.Verdict;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Visits every state that a distributed transaction can reach in a small world, by the rules that
 * production follows: {@link Protocol}, {@link Ledger}, {@link Listing}.
 *
 * <p>The world is two instances of a starter and two participants, one of which may call the other
 * in turn. Any step of any of them may come at any time after the one before, so each may be paused
 * anywhere; each message may be late, lost or doubled without limit. Crashes, failovers and the
 * like strike as often as a {@link ModelScope} says. In each state the invariants of {@link
 * ModelInvariants} hold, and no branch stays open for ever if no more faults strike.
 *
 * <p>{@code -Dtenon.model=deep} searches mixtures with more faults, for minutes. What is not
 * covered is in {@code docs/decisions/0014-distributed-transactions.md}.
 */
final class ModelCheckTest {
  private static final Logger log = LoggerFactory.getLogger(ModelCheckTest.class);

  private static final int STATES_MIN = 1_000; // a search of less has looked at nothing
  private static final int STATES_MAX = 20_000_000;
  private static final long NANOS_OF_MILLI = 1_000_000;

  static List<ModelScope> scopes() {
    return "deep".equals(System.getProperty("tenon.model"))
        ? ModelScopes.deep()
        : ModelScopes.quick();
  }

  @ParameterizedTest
  @MethodSource("scopes")
  void neverSplitsAndLeavesNothingOpen(ModelScope scope) {
    long begin = System.nanoTime();
    Verdict verdict = ModelSearch.search(scope, ModelRules.PRODUCTION, STATES_MAX);
    log.atInfo()
        .addKeyValue("scope", scope)
        .addKeyValue("states", verdict.states())
        .addKeyValue("depth", verdict.depth())
        .addKeyValue("steps", verdict.steps())
        .addKeyValue("millis", (System.nanoTime() - begin) / NANOS_OF_MILLI)
        .log("model searched");

    assertThat(verdict.broken()).as("%s: %s", scope, verdict).isEmpty();
    assertThat(verdict.complete()).as("%s: %s", scope, verdict).isTrue();
    assertThat(verdict.states()).isGreaterThan(STATES_MIN);
  }

  @ParameterizedTest
  @EnumSource
  void findsPlantedFault(PlantedFault planted) {
    assertFound(planted, planted.scope, planted.rules);
  }

  @ParameterizedTest
  @EnumSource
  void findsPlantedFaultOfAKind(PlantedKindFault planted) {
    assertFound(planted, planted.scope, planted.rules);
  }

  private static void assertFound(Enum<?> planted, ModelScope scope, ModelRules rules) {
    Verdict verdict = ModelSearch.search(scope, rules, STATES_MAX);

    assertThat(verdict.broken()).as("%s: %s", planted, verdict).isPresent();
    assertThat(verdict.trace()).isNotEmpty();
  }
}
