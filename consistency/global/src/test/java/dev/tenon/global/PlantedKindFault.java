package dev.tenon.global;

import dev.tenon.global.ModelScope.Fault;
import dev.tenon.global.ModelScope.Shape;
import dev.tenon.global.ModelScope.Tries;
import dev.tenon.global.Protocol.Action;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/** A rule of AT or XA branches, broken; the search must find what that does. */
@SuppressWarnings("ImmutableEnumChecker") // scopes are never changed, and rules hold nothing
enum PlantedKindFault {
  CALL_DOES_NOT_LOOK_FOR_A_PREPARED_TRANSACTION(
      xa(),
      new ModelRules() {
        @Override
        public boolean triesLookForPrepared() {
          return false;
        }
      }),

  CALL_ROLLS_A_PREPARED_TRANSACTION_BACK(
      xa(),
      new ModelRules() {
        @Override
        public boolean triesRollPreparedBack() {
          return true;
        }
      }),

  PREPARED_TRANSACTION_PRESUMED_COMMITTED(
      xa(),
      new ModelRules() {
        @Override
        public Optional<Outcome> presumedOfPrepared(Xid xid, Instant now) {
          return Optional.of(Outcome.COMMITTED);
        }
      }),

  PREPARED_TRANSACTION_PRESUMED_ABORTED_AFTER_THE_DEADLINE(
      xa(),
      new ModelRules() {
        @Override
        public Optional<Outcome> presumedOfPrepared(Xid xid, Instant now) {
          return now.isAfter(xid.deadline()) ? Optional.of(Outcome.ABORTED) : Optional.empty();
        }
      }),

  NO_BAR_WHERE_NOTHING_IS_PREPARED(
      xa().with(Fault.GIVE_UP),
      new ModelRules() {
        @Override
        public Action onDecision(BranchState state, Outcome outcome, Optional<UUID> branch) {
          Action right = Protocol.onDecision(state, outcome, branch);
          return right == Action.BAR ? Action.ACKNOWLEDGE : right;
        }
      }),

  ROLLBACK_OF_A_PREPARED_TRANSACTION_TOLD_BEFORE_THE_STEP_IS_BARRED(
      xa().with(Fault.GIVE_UP),
      new ModelRules() {
        @Override
        public boolean barsAfterRollback() {
          return false;
        }
      }),

  ROW_LOOKED_AT_BEFORE_THE_PREPARED_TRANSACTION(
      xa(),
      new ModelRules() {
        @Override
        public boolean looksForPreparedFirst() {
          return false;
        }
      }),

  LOCKS_GIVEN_UP_BEFORE_THE_END(
      at().with(Fault.PLAIN_WRITE),
      new ModelRules() {
        @Override
        public boolean locksUntilTheEnd() {
          return false;
        }
      }),

  LOCKS_LEFT_BY_THE_END(
      at(),
      new ModelRules() {
        @Override
        public boolean unlocksAtTheEnd() {
          return false;
        }
      }),

  WRITER_UNDOES_WHAT_IS_PAST_THE_DEADLINE_WITHOUT_ASKING(
      at().with(Fault.PLAIN_WRITE),
      new ModelRules() {
        @Override
        public boolean writersUndoPastTheDeadline() {
          return true;
        }
      }),

  ROWS_PUT_BACK_IN_A_COMMIT_OF_THEIR_OWN(
      at().with(Fault.GIVE_UP),
      new ModelRules() {
        @Override
        public boolean putsBackInTheCommitOfTheEnd() {
          return false;
        }
      }),

  ROWS_PUT_BACK_WITHOUT_A_LOOK_AT_THEM(
      at().with(Fault.GIVE_UP, Fault.DIRTY_WRITE),
      new ModelRules() {
        @Override
        public boolean comparesBeforePuttingBack() {
          return false;
        }
      }),

  HELD_MESSAGES_SENT_IN_A_COMMIT_OF_THEIR_OWN(
      at(),
      new ModelRules() {
        @Override
        public boolean sendsHeldMessagesInTheCommitOfTheEnd() {
          return false;
        }
      });

  final ModelScope scope;
  final ModelRules rules;

  PlantedKindFault(ModelScope scope, ModelRules rules) {
    this.scope = scope;
    this.rules = rules;
  }

  private static ModelScope xa() {
    return ModelScope.of("two calls", Shape.FLAT).tries(Tries.XA, Tries.AT);
  }

  private static ModelScope at() {
    return ModelScope.of("two calls", Shape.FLAT).tries(Tries.AT, Tries.XA);
  }
}
