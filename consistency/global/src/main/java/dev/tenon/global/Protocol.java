package dev.tenon.global;

import dev.tenon.global.BranchState.Absent;
import dev.tenon.global.BranchState.CancelledInTry;
import dev.tenon.global.BranchState.Closed;
import dev.tenon.global.BranchState.Open;
import dev.tenon.global.BranchState.Parked;
import dev.tenon.global.BranchState.Trying;
import dev.tenon.global.spi.BranchAnswer;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * The rules of distributed transactions: what follows from what is stored. Nothing is done here:
 * the service asks what to do and does it in one local commit, and the model checker asks the same.
 *
 * <p>Two-phase commit with presumed abort (Mohan, Lindsay, Obermarck: Transaction Management in the
 * R* Distributed Database Management System, TODS 11(4), 1986), without a coordinator of its own:
 * the decision is a row in the starter's database, and whoever asks too late writes ABORTED first.
 */
final class Protocol {
  private Protocol() {}

  /**
   * What the starter's database says, all of it read by one statement.
   *
   * @param incarnation which history the database is in
   * @param now the database's clock
   * @param forgottenBefore decisions of transactions that were started no later may be gone
   * @param decision the stored decision
   * @param doubt whether a saga's pivot was sent, and no answer to it is stored
   */
  record Facts(
      String incarnation,
      Instant now,
      Instant forgottenBefore,
      Optional<Decision> decision,
      Doubt doubt) {}

  /** Whether a transaction may have been decided elsewhere. */
  enum Doubt {
    NONE,
    /** A saga's pivot may be done or not: its answer decides, and nothing else. */
    PIVOT_SENT
  }

  /** Whether COMMITTED may be committed. */
  enum CommitCheck {
    GRANTED,
    /** Another decision, or the same one, is stored. */
    DECIDED,
    /** A pivot was sent, and has no answer yet. */
    IN_DOUBT,
    /** The hard deadline has passed. */
    TOO_LATE,
    /** The database has lost its tail, or was restored: an ABORTED may have been lost with it. */
    OTHER_HISTORY,
    /** Its start is so long ago that its decision may have been forgotten. */
    FORGOTTEN
  }

  /**
   * Whether the starter may commit. Asked in the transaction that has tried to insert COMMITTED,
   * while the horizon of what is forgotten is locked against being raised.
   *
   * @param xid the transaction
   * @param facts without the row that was just inserted
   */
  static CommitCheck commit(Xid xid, Facts facts) {
    if (facts.decision().isPresent()) {
      return CommitCheck.DECIDED;
    }
    if (facts.doubt() == Doubt.PIVOT_SENT) {
      return CommitCheck.IN_DOUBT;
    }
    if (!xid.incarnation().equals(facts.incarnation())) {
      return CommitCheck.OTHER_HISTORY;
    }
    if (forgotten(xid, facts)) {
      return CommitCheck.FORGOTTEN;
    }
    return facts.now().isAfter(xid.deadline()) ? CommitCheck.TOO_LATE : CommitCheck.GRANTED;
  }

  /** Whether ABORTED may be committed. */
  enum AbortCheck {
    GRANTED,
    /** A decision is stored. */
    DECIDED,
    /** A pivot was sent, and has no answer yet: it may have been done. */
    IN_DOUBT,
    /** The database has lost its tail, or was restored: a COMMITTED may have been lost with it. */
    OTHER_HISTORY,
    /** Its start is so long ago that a COMMITTED may have been forgotten. */
    FORGOTTEN
  }

  /**
   * Whether ABORTED may be stored, by whomever. Asked in the transaction that has tried to insert
   * it. If neither it nor another decision stands then, nobody can say how the transaction ended:
   * no branch is told anything.
   *
   * @param xid the transaction
   * @param facts without the row that was just inserted
   */
  static AbortCheck abort(Xid xid, Facts facts) {
    if (facts.decision().isPresent()) {
      return AbortCheck.DECIDED;
    }
    if (facts.doubt() == Doubt.PIVOT_SENT) {
      return AbortCheck.IN_DOUBT;
    }
    if (!xid.incarnation().equals(facts.incarnation())) {
      return AbortCheck.OTHER_HISTORY;
    }
    return forgotten(xid, facts) ? AbortCheck.FORGOTTEN : AbortCheck.GRANTED;
  }

  /**
   * Whether it may be stored that a saga's pivot is sent, before it is. Whoever may commit may:
   * once it is stored, nobody decides before its answer does.
   *
   * @param xid the transaction
   * @param facts without the row that was just inserted
   */
  static CommitCheck sendPivot(Xid xid, Facts facts) {
    return commit(xid, facts);
  }

  /** Whether the answer to a pivot may be stored as the decision. */
  enum AnswerCheck {
    GRANTED,
    /** A decision is stored. */
    DECIDED,
    /** The database has lost that the pivot was sent, and perhaps what followed from it. */
    LOST
  }

  /**
   * Whether the answer to a pivot may be stored: COMMITTED if it was done, ABORTED if it was
   * refused. No deadline and no horizon counts any more: the row that says that it was sent has
   * kept every other decision out, and each repetition of the pivot meets the same answer.
   */
  static AnswerCheck answerPivot(Facts facts) {
    if (facts.decision().isPresent()) {
      return AnswerCheck.DECIDED;
    }
    return facts.doubt() == Doubt.PIVOT_SENT ? AnswerCheck.GRANTED : AnswerCheck.LOST;
  }

  /** What an instance of the starter does when it is asked about a branch. */
  enum Inquiry {
    COMMIT,
    ABORT,
    PENDING,
    UNKNOWN,
    /** Insert ABORTED as {@link #abort} allows, commit, and look again. */
    INSERT_ABORTED
  }

  /** Answers a participant that asks about its branch. */
  static Inquiry inquire(Xid xid, UUID branch, Facts facts) {
    Optional<Decision> decision = facts.decision();
    if (decision.isPresent()) {
      boolean commit =
          decision.get().outcome() == Outcome.COMMITTED && decision.get().lists(branch);
      return commit ? Inquiry.COMMIT : Inquiry.ABORT;
    }
    if (facts.doubt() == Doubt.PIVOT_SENT) {
      return Inquiry.PENDING; // past the deadline, too
    }
    if (!xid.incarnation().equals(facts.incarnation()) || forgotten(xid, facts)) {
      return Inquiry.UNKNOWN;
    }
    return facts.now().isAfter(xid.deadline()) ? Inquiry.INSERT_ABORTED : Inquiry.PENDING;
  }

  private static boolean forgotten(Xid xid, Facts facts) {
    return !xid.startedAt().isAfter(facts.forgottenBefore());
  }

  /**
   * Whether a stored decision may be deleted.
   *
   * @param acknowledgedAt when the last branch had durably ended; empty if one has not
   * @param keep how long a decision outlives its use: the age of the oldest backup that may be
   *     restored
   */
  static boolean mayForget(
      Xid xid,
      Outcome outcome,
      Optional<Instant> acknowledgedAt,
      Instant now,
      Instant forgottenBefore,
      Duration keep) {
    return switch (outcome) {
      case ABORTED -> now.isAfter(xid.deadline().plus(keep));
      case COMMITTED ->
          acknowledgedAt.isPresent()
              && now.isAfter(acknowledgedAt.get().plus(keep))
              && !xid.startedAt().isAfter(forgottenBefore);
    };
  }

  /** Whether a call may open a branch. */
  enum TryCheck {
    OPEN,
    /** A call under the same step is under way. */
    STILL_RUNNING,
    /** The transaction is over, as far as this step goes. */
    OVER,
    /** The hard deadline has passed. */
    TOO_LATE
  }

  /**
   * What a participant does with a call for which no reply is stored.
   *
   * @param now the participant's clock
   */
  static TryCheck onTry(BranchState state, Xid xid, Instant now) {
    return switch (state) {
      case Absent absent -> now.isAfter(xid.deadline()) ? TryCheck.TOO_LATE : TryCheck.OPEN;
      case Trying trying -> TryCheck.STILL_RUNNING;
      case CancelledInTry cancelled -> TryCheck.OVER;
      case Open open -> TryCheck.OVER;
      case Closed closed -> TryCheck.OVER;
      case Parked parked -> TryCheck.OVER;
    };
  }

  /** What a participant does. */
  enum Action {
    /** Confirm, and close as committed. */
    CONFIRM,
    /** Undo, and close as aborted. */
    UNDO,
    /** Undo, and wait for the try to end. */
    UNDO_IN_TRY,
    /** Store that it is aborted, so that a late try is refused. */
    BAR,
    /** Nothing; it is as it should be. */
    ACKNOWLEDGE,
    /** Nothing; ask or be told again. */
    WAIT,
    /** Park: nobody can say how it ends. */
    PARK,
    /** Nothing: it waits for a person. */
    PARKED,
    /** Report that the branch is gone: this database has lost it. */
    LOST,
    /** Report that it has ended otherwise. */
    CONFLICT
  }

  /**
   * What is done when a try that is no local commit has ended, or its process is taken for dead. It
   * may end after that, and after its row is gone: the effect is undone once more then. Of a try
   * that is taken for dead and was not undone, the starter is asked instead.
   */
  static Action onTryEnded(BranchState state) {
    return switch (state) {
      case Trying trying -> Action.ACKNOWLEDGE;
      case CancelledInTry cancelled -> Action.UNDO;
      case Absent absent -> Action.UNDO; // no answer has named it, so nobody can confirm it
      case Open open -> Action.CONFLICT;
      case Closed closed -> closed.outcome() == Outcome.ABORTED ? Action.UNDO : Action.CONFLICT;
      case Parked parked -> Action.PARKED;
    };
  }

  /**
   * What a participant does when it is told the decision.
   *
   * @param branch which branch is meant; empty if the starter never learned of one, and aborts
   */
  static Action onDecision(BranchState state, Outcome outcome, Optional<UUID> branch) {
    boolean aborted = outcome == Outcome.ABORTED;
    if (branch.isPresent() && isAnother(state, branch.get())) {
      return aborted ? Action.ACKNOWLEDGE : Action.LOST;
    }
    return switch (state) {
      case Absent absent -> aborted ? Action.BAR : Action.LOST;
      case Trying trying -> aborted ? Action.UNDO_IN_TRY : Action.CONFLICT;
      case CancelledInTry cancelled -> aborted ? Action.ACKNOWLEDGE : Action.CONFLICT;
      case Open open -> aborted ? Action.UNDO : Action.CONFIRM;
      case Closed closed -> closed.outcome() == outcome ? Action.ACKNOWLEDGE : Action.CONFLICT;
      case Parked parked -> {
        if (parked.wanted().isEmpty()) {
          yield aborted ? Action.UNDO : Action.CONFIRM;
        }
        yield parked.wanted().get() == outcome ? Action.PARKED : Action.CONFLICT;
      }
    };
  }

  /** What a participant does with the answer about its branch. */
  static Action onAnswer(BranchState state, UUID branch, BranchAnswer answer) {
    return switch (answer) {
      case COMMIT -> onDecision(state, Outcome.COMMITTED, Optional.of(branch));
      case ABORT -> onDecision(state, Outcome.ABORTED, Optional.of(branch));
      case PENDING -> Action.WAIT;
      case UNKNOWN -> isAnother(state, branch) ? Action.ACKNOWLEDGE : onUnknown(state);
    };
  }

  private static Action onUnknown(BranchState state) {
    return switch (state) {
      case Trying trying -> Action.PARK;
      case Open open -> Action.PARK;
      case Parked parked -> Action.PARKED;
      case Absent absent -> Action.ACKNOWLEDGE;
      case CancelledInTry cancelled -> Action.ACKNOWLEDGE;
      case Closed closed -> Action.ACKNOWLEDGE;
    };
  }

  /**
   * Whether the row of a closed branch may be deleted, with its stored reply. An order that is
   * repeated after that is answered {@link Action#LOST} if it says COMMITTED: this database cannot
   * tell any more whether it had confirmed the branch or has lost it.
   *
   * @param closedAt when it was closed
   * @param keep how long it outlives both its end and the deadline
   */
  static boolean maySweep(Xid xid, Instant closedAt, Instant now, Duration keep) {
    return now.isAfter(xid.deadline().plus(keep)) && now.isAfter(closedAt.plus(keep));
  }

  private static boolean isAnother(BranchState state, UUID branch) {
    Optional<UUID> own =
        switch (state) {
          case Absent absent -> Optional.empty();
          case Trying trying -> Optional.of(trying.id());
          case CancelledInTry cancelled -> Optional.of(cancelled.id());
          case Open open -> Optional.of(open.id());
          case Closed closed -> closed.id();
          case Parked parked -> Optional.of(parked.id());
        };
    return own.isPresent() && !own.get().equals(branch);
  }
}
