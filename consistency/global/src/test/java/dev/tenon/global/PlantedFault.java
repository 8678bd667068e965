package dev.tenon.global;

import dev.tenon.global.ModelScope.Fault;
import dev.tenon.global.ModelScope.Mode;
import dev.tenon.global.ModelScope.Shape;
import dev.tenon.global.ModelScope.Tries;
import dev.tenon.global.Protocol.AbortCheck;
import dev.tenon.global.Protocol.Action;
import dev.tenon.global.Protocol.CommitCheck;
import dev.tenon.global.Protocol.Facts;
import dev.tenon.global.Protocol.Inquiry;
import dev.tenon.global.Protocol.TryCheck;
import dev.tenon.global.spi.BranchAnswer;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** A rule of the protocol, broken; the search must find what that does. */
@SuppressWarnings("ImmutableEnumChecker") // scopes are never changed, and rules hold nothing
enum PlantedFault {
  ABORT_ANSWERED_BEFORE_ABORTED_IS_STORED(
      flat(),
      new ModelRules() {
        @Override
        public Inquiry inquire(Xid xid, UUID branch, Facts facts) {
          Inquiry right = Protocol.inquire(xid, branch, facts);
          return right == Inquiry.INSERT_ABORTED ? Inquiry.ABORT : right;
        }
      }),

  ALL_BRANCHES_COMMITTED_WITHOUT_LOOKING_AT_THE_LIST(
      chain().with(Fault.FAILURE),
      new ModelRules() {
        @Override
        public Inquiry inquire(Xid xid, UUID branch, Facts facts) {
          boolean committed =
              facts.decision().map(Decision::outcome).equals(Optional.of(Outcome.COMMITTED));
          return committed ? Inquiry.COMMIT : Protocol.inquire(xid, branch, facts);
        }
      }),

  COMMITTED_AFTER_THE_DEADLINE(
      flat().ticks(3).with(Fault.FORGET),
      new ModelRules() {
        @Override
        public CommitCheck commit(Xid xid, Facts facts) {
          return unless(CommitCheck.TOO_LATE, Protocol.commit(xid, facts));
        }
      }),

  COMMITTED_REPLACES_ANOTHER_DECISION(
      saga().with(Fault.GIVE_UP),
      new ModelRules() {
        @Override
        public CommitCheck commit(Xid xid, Facts facts) {
          return unless(CommitCheck.DECIDED, Protocol.commit(xid, facts));
        }
      }),

  COMMITTED_IN_ANOTHER_HISTORY(
      saga().with(Fault.GIVE_UP, Fault.STARTER_FAILOVER),
      new ModelRules() {
        @Override
        public CommitCheck commit(Xid xid, Facts facts) {
          return unless(CommitCheck.OTHER_HISTORY, Protocol.commit(xid, facts));
        }
      }),

  COMMITTED_AFTER_IT_WAS_FORGOTTEN(
      saga().longDeadline().ticks(3).with(Fault.RAISE, Fault.FORGET),
      new ModelRules() {
        @Override
        public CommitCheck commit(Xid xid, Facts facts) {
          return unless(CommitCheck.FORGOTTEN, Protocol.commit(xid, facts));
        }
      }),

  ABORTED_IN_ANOTHER_HISTORY(
      flat().with(Fault.LOST_COMMIT, Fault.STARTER_FAILOVER),
      new ModelRules() {
        @Override
        public AbortCheck abort(Xid xid, Facts facts) {
          AbortCheck right = Protocol.abort(xid, facts);
          return right == AbortCheck.OTHER_HISTORY ? AbortCheck.GRANTED : right;
        }
      }),

  ABORTED_AFTER_IT_WAS_FORGOTTEN(
      flat().ticks(3).with(Fault.LOST_COMMIT, Fault.RAISE, Fault.FORGET),
      new ModelRules() {
        @Override
        public AbortCheck abort(Xid xid, Facts facts) {
          AbortCheck right = Protocol.abort(xid, facts);
          return right == AbortCheck.FORGOTTEN ? AbortCheck.GRANTED : right;
        }
      }),

  UNKNOWN_TAKEN_FOR_ABORT(
      flat().with(Fault.STARTER_FAILOVER),
      new ModelRules() {
        @Override
        public Action onAnswer(BranchState state, UUID branch, BranchAnswer answer) {
          BranchAnswer taken = answer == BranchAnswer.UNKNOWN ? BranchAnswer.ABORT : answer;
          return Protocol.onAnswer(state, branch, taken);
        }
      }),

  FORGOTTEN_BEFORE_ALL_HAVE_ACKNOWLEDGED(
      flat().ticks(3).with(Fault.RAISE, Fault.FORGET),
      new ModelRules() {
        @Override
        public boolean mayForget(
            Xid xid,
            Outcome outcome,
            Optional<Instant> acknowledgedAt,
            Instant now,
            Instant forgottenBefore,
            Duration keep) {
          return Protocol.mayForget(
              xid, outcome, Optional.of(xid.startedAt()), now, forgottenBefore, keep);
        }
      }),

  FORGOTTEN_WITHOUT_RAISING_THE_HORIZON(
      flat().ticks(3).with(Fault.LOST_COMMIT, Fault.FORGET),
      new ModelRules() {
        @Override
        public boolean mayForget(
            Xid xid,
            Outcome outcome,
            Optional<Instant> acknowledgedAt,
            Instant now,
            Instant forgottenBefore,
            Duration keep) {
          return Protocol.mayForget(xid, outcome, acknowledgedAt, now, xid.startedAt(), keep);
        }
      }),

  HORIZON_RAISED_WHILE_COMMITTED_IS_BEING_COMMITTED(
      flat().with(Fault.RAISE),
      new ModelRules() {
        @Override
        public boolean locksHorizon() {
          return false;
        }
      }),

  CALL_WITHOUT_ANSWER_IGNORED(
      flat().with(Fault.NO_ANSWER),
      new ModelRules() {
        @Override
        public Optional<String> obstacle(Ledger ledger) {
          Map<String, Ledger.Made> answered = new LinkedHashMap<>(ledger.calls());
          answered.values().removeIf(call -> call instanceof Ledger.Made.Unknown);
          return new Ledger(answered, ledger.rollbackOnly()).obstacle();
        }
      }),

  INCOMPLETE_LISTING_IGNORED(
      chain().with(Fault.NO_ANSWER),
      new ModelRules() {
        @Override
        public Optional<String> obstacle(Ledger ledger) {
          Map<String, Ledger.Made> complete = new LinkedHashMap<>(ledger.calls());
          complete
              .values()
              .removeIf(
                  call -> call instanceof Ledger.Made.Answered made && !made.listing().complete());
          return new Ledger(complete, ledger.rollbackOnly()).obstacle();
        }
      }),

  INCOMPLETE_LISTING_NOT_SAID(
      chain().with(Fault.NO_ANSWER),
      new ModelRules() {
        @Override
        public Listing listing(Ledger ledger) {
          Listing right = ledger.listing();
          return new Listing(true, right.kept(), right.dropped());
        }
      }),

  LATE_TRY_OPENS_WHAT_WAS_CLOSED(
      flat().with(Fault.GIVE_UP),
      new ModelRules() {
        @Override
        public TryCheck onTry(BranchState state, Xid xid, Instant now) {
          return state instanceof BranchState.Closed
              ? TryCheck.OPEN
              : Protocol.onTry(state, xid, now);
        }
      }),

  TRY_TAKEN_AFTER_THE_DEADLINE(
      flat().ticks(3).with(Fault.SWEEP),
      new ModelRules() {
        @Override
        public TryCheck onTry(BranchState state, Xid xid, Instant now) {
          return Protocol.onTry(state, xid, xid.startedAt());
        }
      }),

  CANCEL_NOT_REPEATED_WHEN_THE_TRY_ENDS(
      elsewhere(),
      new ModelRules() {
        @Override
        public Action onTryEnded(BranchState state) {
          return state instanceof BranchState.CancelledInTry
              ? Action.ACKNOWLEDGE
              : Protocol.onTryEnded(state);
        }
      }),

  CANCEL_NOT_REPEATED_AFTER_THE_TRY_WAS_TAKEN_FOR_DEAD(
      elsewhere(),
      new ModelRules() {
        @Override
        public Action onTryEnded(BranchState state) {
          return state instanceof BranchState.Closed ? Action.CONFLICT : Protocol.onTryEnded(state);
        }
      }),

  LATE_TRY_KEPT_AFTER_ITS_ROW_WAS_DELETED(
      elsewhere().ticks(3).with(Fault.SWEEP),
      new ModelRules() {
        @Override
        public Action onTryEnded(BranchState state) {
          return state instanceof BranchState.Absent ? Action.LOST : Protocol.onTryEnded(state);
        }
      }),

  COMMIT_OF_A_LOST_BRANCH_ACKNOWLEDGED(
      flat().with(Fault.PARTICIPANT_FAILOVER),
      new ModelRules() {
        @Override
        public Action onDecision(BranchState state, Outcome outcome, Optional<UUID> branch) {
          Action right = Protocol.onDecision(state, outcome, branch);
          return right == Action.LOST ? Action.ACKNOWLEDGE : right;
        }
      }),

  ORDER_TAKEN_FOR_ANOTHER_TRY(
      flat().with(Fault.PARTICIPANT_FAILOVER),
      new ModelRules() {
        @Override
        public Action onDecision(BranchState state, Outcome outcome, Optional<UUID> branch) {
          Optional<UUID> own = ModelWorld.idOf(state);
          return Protocol.onDecision(state, outcome, own.isPresent() ? own : branch);
        }
      }),

  LOST_COMMIT_TAKEN_FOR_ABORTED(
      flat().with(Fault.LOST_COMMIT),
      new ModelRules() {
        @Override
        public boolean takesLostCommitForAborted() {
          return true;
        }
      }),

  ABORT_AFTER_A_LOST_COMMIT_WITHOUT_ROW(
      flat().with(Fault.LOST_COMMIT),
      new ModelRules() {
        @Override
        public boolean storesAborted(Mode mode, boolean commitAttempted) {
          return mode == Mode.SAGA;
        }
      }),

  ABORT_OF_A_SAGA_WITHOUT_ROW(
      saga().with(Fault.GIVE_UP),
      new ModelRules() {
        @Override
        public boolean storesAborted(Mode mode, boolean commitAttempted) {
          return commitAttempted;
        }
      }),

  SAGA_UNDOES_WHAT_A_FAILED_CALL_LEFT_BEFORE_ITS_END(
      chain().saga().with(Fault.FAILURE, Fault.TAKEOVER),
      new ModelRules() {
        @Override
        public boolean undoesDroppedAtOnce(Mode mode) {
          return true;
        }
      }),

  INQUIRY_ABORTS_WHILE_A_PIVOT_IS_IN_DOUBT(
      pivot(),
      new ModelRules() {
        @Override
        public Inquiry inquire(Xid xid, UUID branch, Facts facts) {
          return Protocol.inquire(xid, branch, sure(facts));
        }

        @Override
        public AbortCheck abort(Xid xid, Facts facts) {
          return Protocol.abort(xid, sure(facts));
        }
      }),

  SAGA_ABORTS_WHILE_ITS_PIVOT_IS_IN_DOUBT(
      pivot().with(Fault.TAKEOVER, Fault.GIVE_UP),
      new ModelRules() {
        @Override
        public AbortCheck abort(Xid xid, Facts facts) {
          return Protocol.abort(xid, sure(facts));
        }
      }),

  PIVOT_SENT_BEFORE_IT_IS_STORED(
      pivot().with(Fault.STARTER_CRASH),
      new ModelRules() {
        @Override
        public boolean sendsPivotFirst() {
          return true;
        }
      }),

  PIVOT_WITHOUT_ANSWER_TAKEN_FOR_REFUSED(
      pivot().with(Fault.NO_ANSWER),
      new ModelRules() {
        @Override
        public boolean takesLostPivotForRefused() {
          return true;
        }
      }),

  PIVOT_SENT_AFTER_THE_DEADLINE(
      pivot().ticks(3).with(Fault.FORGET, Fault.TAKEOVER, Fault.GIVE_UP),
      new ModelRules() {
        @Override
        public CommitCheck sendPivot(Xid xid, Facts facts) {
          CommitCheck right = Protocol.sendPivot(xid, facts);
          return right == CommitCheck.IN_DOUBT ? right : CommitCheck.GRANTED;
        }
      }),

  OWN_ROWS_COMMITTED_BEFORE_THE_DECISION(
      flat().with(Fault.STARTER_CRASH),
      new ModelRules() {
        @Override
        public boolean writesOwnRowsFirst() {
          return true;
        }
      });

  final ModelScope scope;
  final ModelRules rules;

  PlantedFault(ModelScope scope, ModelRules rules) {
    this.scope = scope;
    this.rules = rules;
  }

  private static CommitCheck unless(CommitCheck ignored, CommitCheck right) {
    return right == ignored ? CommitCheck.GRANTED : right;
  }

  private static ModelScope flat() {
    return ModelScope.of("two calls", Shape.FLAT);
  }

  private static ModelScope chain() {
    return ModelScope.of("a call in turn", Shape.CHAIN);
  }

  private static ModelScope saga() {
    return flat().saga().with(Fault.TAKEOVER);
  }

  private static ModelScope pivot() {
    return flat().pivot();
  }

  private static Facts sure(Facts facts) {
    return new Facts(
        facts.incarnation(),
        facts.now(),
        facts.forgottenBefore(),
        facts.decision(),
        Protocol.Doubt.NONE);
  }

  private static ModelScope elsewhere() {
    return flat().tries(Tries.ELSEWHERE).with(Fault.GIVE_UP);
  }
}
