package dev.tenon.global;

import static dev.tenon.global.ModelScope.Fault.DIRTY_WRITE;
import static dev.tenon.global.ModelScope.Fault.FAILURE;
import static dev.tenon.global.ModelScope.Fault.FORGET;
import static dev.tenon.global.ModelScope.Fault.GIVE_UP;
import static dev.tenon.global.ModelScope.Fault.LOST_COMMIT;
import static dev.tenon.global.ModelScope.Fault.NO_ANSWER;
import static dev.tenon.global.ModelScope.Fault.OTHER_PATH;
import static dev.tenon.global.ModelScope.Fault.PARTICIPANT_CRASH;
import static dev.tenon.global.ModelScope.Fault.PARTICIPANT_FAILOVER;
import static dev.tenon.global.ModelScope.Fault.PLAIN_WRITE;
import static dev.tenon.global.ModelScope.Fault.RAISE;
import static dev.tenon.global.ModelScope.Fault.REFUSAL;
import static dev.tenon.global.ModelScope.Fault.STARTER_CRASH;
import static dev.tenon.global.ModelScope.Fault.STARTER_FAILOVER;
import static dev.tenon.global.ModelScope.Fault.SWEEP;
import static dev.tenon.global.ModelScope.Fault.TAKEOVER;

import dev.tenon.global.ModelScope.Shape;
import dev.tenon.global.ModelScope.Tries;
import java.util.List;
import java.util.stream.Stream;

/** What is searched: several mixtures of faults rather than all at once, which would not end. */
final class ModelScopes {
  private ModelScopes() {}

  /** With every build. */
  static List<ModelScope> quick() {
    return List.of(
        ModelScope.of("two calls, lost commits, forgetting", Shape.FLAT)
            .ticks(3)
            .with(NO_ANSWER, GIVE_UP, STARTER_CRASH, LOST_COMMIT, FORGET, RAISE, SWEEP),
        ModelScope.of("failover of the starter's database", Shape.FLAT)
            .ticks(3)
            .with(NO_ANSWER, LOST_COMMIT, STARTER_FAILOVER, FORGET, RAISE),
        ModelScope.of("failover of a participant's database", Shape.FLAT)
            .ticks(3)
            .with(LOST_COMMIT, PARTICIPANT_FAILOVER, SWEEP),
        ModelScope.of("a call in turn, slow tries", Shape.CHAIN)
            .tries(Tries.SLOW_SQL)
            .ticks(3)
            .with(NO_ANSWER, REFUSAL, FAILURE, PARTICIPANT_CRASH),
        ModelScope.of("a call in turn and another", Shape.MIXED)
            .with(NO_ANSWER, FAILURE, LOST_COMMIT),
        ModelScope.of("tries elsewhere", Shape.FLAT)
            .tries(Tries.ELSEWHERE)
            .ticks(3)
            .with(NO_ANSWER, GIVE_UP, PARTICIPANT_CRASH, SWEEP),
        ModelScope.of("tries elsewhere, a call in turn", Shape.CHAIN)
            .tries(Tries.ELSEWHERE)
            .with(NO_ANSWER, FAILURE, PARTICIPANT_CRASH),
        ModelScope.of("saga, takeover", Shape.FLAT)
            .saga()
            .with(TAKEOVER, OTHER_PATH, GIVE_UP, LOST_COMMIT),
        ModelScope.of("saga, failover of the starter's database", Shape.FLAT)
            .saga()
            .with(TAKEOVER, GIVE_UP, STARTER_FAILOVER),
        ModelScope.of("saga, a call in turn", Shape.CHAIN)
            .saga()
            .with(TAKEOVER, OTHER_PATH, FAILURE),
        ModelScope.of("saga, forgotten before its deadline", Shape.FLAT)
            .saga()
            .longDeadline()
            .ticks(3)
            .with(TAKEOVER, FORGET, RAISE),
        ModelScope.of("pivot, takeover", Shape.FLAT)
            .pivot()
            .with(TAKEOVER, OTHER_PATH, GIVE_UP, LOST_COMMIT, NO_ANSWER),
        ModelScope.of("pivot, failover of the starter's database", Shape.FLAT)
            .pivot()
            .with(TAKEOVER, GIVE_UP, STARTER_FAILOVER),
        ModelScope.of("pivot, in doubt for long", Shape.CHAIN)
            .pivot()
            .ticks(4)
            .with(TAKEOVER, GIVE_UP, FORGET, RAISE, STARTER_CRASH),
        ModelScope.of("XA and AT, lost commits", Shape.FLAT)
            .tries(Tries.XA, Tries.AT)
            .ticks(3)
            .with(NO_ANSWER, GIVE_UP, LOST_COMMIT, PARTICIPANT_CRASH, SWEEP)
            .with(PLAIN_WRITE, DIRTY_WRITE),
        ModelScope.of("XA and AT, failover of a participant's database", Shape.FLAT)
            .tries(Tries.XA, Tries.AT)
            .ticks(3)
            .with(LOST_COMMIT, PARTICIPANT_FAILOVER, SWEEP),
        ModelScope.of("XA, a call of AT in turn", Shape.CHAIN)
            .tries(Tries.XA, Tries.AT)
            .ticks(3)
            .with(NO_ANSWER, REFUSAL, FAILURE, PARTICIPANT_CRASH, DIRTY_WRITE),
        ModelScope.of("AT, a call of XA in turn, and a try elsewhere", Shape.MIXED)
            .tries(Tries.AT, Tries.XA, Tries.ELSEWHERE)
            .with(NO_ANSWER, FAILURE, LOST_COMMIT),
        ModelScope.of("saga of AT, XA in turn, and a try elsewhere", Shape.MIXED)
            .tries(Tries.AT, Tries.XA, Tries.ELSEWHERE)
            .saga()
            .with(TAKEOVER, LOST_COMMIT));
  }

  /** On request: more faults in one run. */
  static List<ModelScope> deep() {
    return Stream.concat(plain().stream(), automaticAndPrepared().stream()).toList();
  }

  private static List<ModelScope> plain() {
    return List.of(
        ModelScope.of("two calls, lost commits, forgetting", Shape.FLAT)
            .ticks(4)
            .with(NO_ANSWER, GIVE_UP, STARTER_CRASH, LOST_COMMIT, FORGET, FORGET, RAISE)
            .with(SWEEP, SWEEP),
        ModelScope.of("failover of the starter's database", Shape.FLAT)
            .ticks(4)
            .with(NO_ANSWER, LOST_COMMIT, STARTER_FAILOVER, FORGET, FORGET, RAISE, SWEEP),
        ModelScope.of("two failovers of the starter's database", Shape.FLAT)
            .with(LOST_COMMIT, LOST_COMMIT, STARTER_FAILOVER, STARTER_FAILOVER, GIVE_UP),
        ModelScope.of("failover of all databases", Shape.FLAT)
            .ticks(3)
            .with(NO_ANSWER, LOST_COMMIT, PARTICIPANT_FAILOVER, STARTER_FAILOVER, SWEEP),
        ModelScope.of("a call in turn, slow tries", Shape.CHAIN)
            .tries(Tries.SLOW_SQL)
            .ticks(4)
            .with(NO_ANSWER, NO_ANSWER, REFUSAL, FAILURE, FAILURE, PARTICIPANT_CRASH, SWEEP)
            .with(LOST_COMMIT, OTHER_PATH),
        ModelScope.of("a call in turn and another", Shape.MIXED)
            .with(NO_ANSWER, FAILURE, LOST_COMMIT, REFUSAL, PARTICIPANT_CRASH, OTHER_PATH),
        ModelScope.of("tries elsewhere", Shape.FLAT)
            .tries(Tries.ELSEWHERE)
            .ticks(4)
            .with(NO_ANSWER, GIVE_UP, PARTICIPANT_CRASH, PARTICIPANT_CRASH, SWEEP, FORGET),
        ModelScope.of("tries elsewhere, a call in turn", Shape.CHAIN)
            .tries(Tries.ELSEWHERE)
            .ticks(3)
            .with(NO_ANSWER, FAILURE, PARTICIPANT_CRASH, GIVE_UP, SWEEP),
        ModelScope.of("saga, takeover, failover of the starter's database", Shape.FLAT)
            .saga()
            .ticks(3)
            .with(TAKEOVER, OTHER_PATH, GIVE_UP, LOST_COMMIT, STARTER_FAILOVER),
        ModelScope.of("saga, a call in turn", Shape.CHAIN)
            .saga()
            .with(TAKEOVER, OTHER_PATH, FAILURE, GIVE_UP, NO_ANSWER, PARTICIPANT_CRASH),
        ModelScope.of("saga, a call in turn and another", Shape.MIXED)
            .saga()
            .with(TAKEOVER, OTHER_PATH, FAILURE),
        ModelScope.of("saga, forgotten before its deadline", Shape.FLAT)
            .saga()
            .longDeadline()
            .ticks(4)
            .with(TAKEOVER, FORGET, RAISE, LOST_COMMIT, GIVE_UP, STARTER_CRASH),
        ModelScope.of("pivot, takeover, failover of the starter's database", Shape.FLAT)
            .pivot()
            .ticks(3)
            .with(TAKEOVER, OTHER_PATH, GIVE_UP, LOST_COMMIT, STARTER_FAILOVER),
        ModelScope.of("pivot, in doubt for long", Shape.CHAIN)
            .pivot()
            .ticks(4)
            .with(TAKEOVER, GIVE_UP, FORGET, RAISE, STARTER_CRASH, FAILURE, SWEEP));
  }

  private static List<ModelScope> automaticAndPrepared() {
    return List.of(
        ModelScope.of("XA and AT, failover of all databases", Shape.FLAT)
            .tries(Tries.XA, Tries.AT)
            .ticks(3)
            .with(NO_ANSWER, GIVE_UP, LOST_COMMIT, PARTICIPANT_FAILOVER, STARTER_FAILOVER)
            .with(SWEEP, PLAIN_WRITE, DIRTY_WRITE),
        ModelScope.of("XA, a call of AT in turn", Shape.CHAIN)
            .tries(Tries.XA, Tries.AT)
            .ticks(4)
            .with(NO_ANSWER, NO_ANSWER, REFUSAL, FAILURE, FAILURE, PARTICIPANT_CRASH, SWEEP)
            .with(LOST_COMMIT, OTHER_PATH, DIRTY_WRITE),
        ModelScope.of("AT, a call of XA in turn, and a try elsewhere", Shape.MIXED)
            .tries(Tries.AT, Tries.XA, Tries.ELSEWHERE)
            .with(NO_ANSWER, FAILURE, LOST_COMMIT, PARTICIPANT_CRASH, DIRTY_WRITE),
        ModelScope.of("saga of AT, XA in turn, and a try elsewhere", Shape.MIXED)
            .tries(Tries.AT, Tries.XA, Tries.ELSEWHERE)
            .saga()
            .with(TAKEOVER, OTHER_PATH, FAILURE, LOST_COMMIT),
        ModelScope.of("saga of XA, a local step in turn, and AT, a pivot", Shape.MIXED)
            .tries(Tries.XA, Tries.SQL, Tries.AT)
            .pivot()
            .with(TAKEOVER, OTHER_PATH, NO_ANSWER));
  }
}
