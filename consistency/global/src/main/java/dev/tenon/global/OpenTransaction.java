package dev.tenon.global;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * What one service knows of a distributed transaction.
 *
 * @param xid which; it says who started it, when, and until when it may be committed
 * @param service whose knowledge this is
 * @param decision how it ends, if this service has started and decided it
 * @param saga the saga that it is, if this service has started it
 * @param branches this service's own, those that have ended included, by step
 * @param actions what people did about it in this service, the oldest first
 */
public record OpenTransaction(
    Xid xid,
    String service,
    Optional<DecisionPart> decision,
    Optional<SagaPart> saga,
    List<BranchPart> branches,
    List<Action> actions) {
  private static final String NOBODY = "nobody";
  private static final String A_PERSON = "a person";

  /** Copies the lists. */
  public OpenTransaction {
    branches = List.copyOf(branches);
    actions = List.copyOf(actions);
  }

  /**
   * A decision of this service.
   *
   * @param outcome what was decided
   * @param decidedAt when
   * @param state how far its participants are
   * @param branches what it lists, in the order in which they were opened
   * @param telling how its participants are told
   */
  public record DecisionPart(
      Outcome outcome,
      Instant decidedAt,
      DecisionState state,
      List<Branch> branches,
      Telling telling) {
    /** Copies the branches. */
    public DecisionPart {
      branches = List.copyOf(branches);
    }

    /**
     * Whom it waits for.
     *
     * @return in words
     */
    public String waitsFor() {
      return switch (state) {
        case TELLING ->
            branches.stream()
                    .map(Branch::service)
                    .distinct()
                    .collect(Collectors.joining(", ", "service ", ""))
                + (telling.ownerAlive() ? "" : ", and an instance that tells it");
        case PROBLEM -> A_PERSON;
        case ACKNOWLEDGED -> NOBODY;
      };
    }
  }

  /** How far the participants of a decision are. */
  public enum DecisionState {
    /** They are told, and not all have ended their branches. */
    TELLING,
    /** One of them has said something that needs a person. */
    PROBLEM,
    /** All have ended their branches, or a person has said that they need not be told. */
    ACKNOWLEDGED
  }

  /**
   * How participants are told.
   *
   * @param attempts how often those that had not acknowledged were told again
   * @param nextAt when they are told again
   * @param owner the instance that does so
   * @param ownerAlive whether it has a lease; if not, another one takes it over
   * @param problem what the participants have said that needs a person
   */
  public record Telling(
      int attempts,
      Optional<Instant> nextAt,
      Optional<UUID> owner,
      boolean ownerAlive,
      Optional<String> problem) {}

  /**
   * A saga of this service.
   *
   * @param type its type's name
   * @param id the application's name for it
   * @param state how it stands
   * @param run who runs it, or when
   * @param steps the steps up to its last commit of its own
   * @param error why it was aborted or parked, or failed last
   */
  public record SagaPart(
      String type,
      String id,
      SagaState state,
      Run run,
      List<String> steps,
      Optional<String> error) {
    /** Copies the steps. */
    public SagaPart {
      steps = List.copyOf(steps);
    }

    /**
     * Whom it waits for.
     *
     * @return in words
     */
    public String waitsFor() {
      return switch (state) {
        case RUNNING -> run.ownerAlive() ? "its run" : "an instance that runs it";
        case SLEEPING -> "the time " + run.wakeAt().map(Instant::toString).orElse("to come");
        case AWAITING -> "the signal " + run.awaits().orElse("");
        case FAILING -> "its next attempt";
        case IN_DOUBT -> "an answer to its pivot";
        case COMPENSATING -> "its compensations";
        case PARKED -> A_PERSON;
        case DONE, ABORTED -> NOBODY;
      };
    }
  }

  /** How a saga stands. */
  public enum SagaState {
    /** An instance runs it, or is to. */
    RUNNING,
    /** It sleeps. */
    SLEEPING,
    /** It waits for a signal. */
    AWAITING,
    /** Its last run has failed, and is repeated. */
    FAILING,
    /** Nobody knows what has become of its pivot; it is repeated until there is an answer. */
    IN_DOUBT,
    /** It is aborted, and not all of its branches are undone. */
    COMPENSATING,
    /** It waits for a person. */
    PARKED,
    /** It has ended well. */
    DONE,
    /** It was aborted, and what is known of it is undone. */
    ABORTED
  }

  /**
   * Who runs a saga, or when.
   *
   * @param committed whether it is past its pivot, and only goes forward
   * @param owner the instance that runs it
   * @param ownerAlive whether that has a lease; if not, another one takes it over
   * @param wakeAt when it is run again, unless it is running
   * @param awaits the signal that wakes it before
   * @param attempts runs that failed since its last commit
   */
  public record Run(
      boolean committed,
      Optional<UUID> owner,
      boolean ownerAlive,
      Optional<Instant> wakeAt,
      Optional<String> awaits,
      int attempts) {}

  /**
   * A branch of this service.
   *
   * @param step the call that opened it
   * @param id its id; empty if it was undone before a try had come
   * @param what what it is about; empty if it was undone before a try had come
   * @param state how it stands
   * @param progress what was tried
   */
  public record BranchPart(
      String step, Optional<UUID> id, Optional<What> what, State state, Progress progress) {

    /**
     * Whom it waits for.
     *
     * @param xid its transaction
     * @return in words
     */
    public String waitsFor(Xid xid) {
      return switch (state) {
        case TRYING -> "its try to end, or service " + xid.starter();
        case CANCELLED_IN_TRY -> "its try to end";
        case OPEN -> "service " + xid.starter();
        case ENDING -> "its next attempt";
        case PARKED -> A_PERSON;
        case COMMITTED, ABORTED -> NOBODY;
      };
    }
  }

  /**
   * What a branch is about.
   *
   * @param kind how it ends
   * @param type the name of its type
   * @param caller who called
   * @param operation what was called
   */
  public record What(BranchKind kind, String type, String caller, String operation) {}

  /** How a branch stands. */
  public enum State {
    /** A try that is no local commit is under way. */
    TRYING,
    /** It was undone while its try was under way, and is to be once more. */
    CANCELLED_IN_TRY,
    /** It waits for the starter's decision. */
    OPEN,
    /** How it ends is known, and has not been done so far. */
    ENDING,
    /** It waits for a person. */
    PARKED,
    /** It was confirmed. */
    COMMITTED,
    /** It was undone. */
    ABORTED
  }

  /**
   * What was tried with a branch.
   *
   * @param openedAt when it was opened
   * @param wanted how it is to end, if that is known and has not been done
   * @param nextAt when it is asked about, or tried again
   * @param asked how often the starter was asked
   * @param attempts failed attempts to end it
   * @param error what failed last, or why it is parked
   */
  public record Progress(
      Instant openedAt,
      Optional<Outcome> wanted,
      Optional<Instant> nextAt,
      int asked,
      int attempts,
      Optional<String> error) {}

  /**
   * What a person did.
   *
   * @param doneAt when
   * @param operator who, and why
   * @param action what
   * @param step of a branch: which; empty for what this service has started
   * @param found how it stood before
   */
  public record Action(
      Instant doneAt, Operator operator, String action, Optional<String> step, String found) {}

  /**
   * Whether nothing of it is left to be done in this service.
   *
   * @return {@code false} if something is open
   */
  public boolean ended() {
    boolean decided = decision.map(one -> one.state() == DecisionState.ACKNOWLEDGED).orElse(true);
    boolean over = saga.map(one -> one.waitsFor().equals(NOBODY)).orElse(true);
    return decided && over && branches.stream().allMatch(one -> one.waitsFor(xid).equals(NOBODY));
  }

  /**
   * Whether something of it waits for a person.
   *
   * @return {@code true} if somebody must look
   */
  public boolean parked() {
    return decision.map(one -> one.state() == DecisionState.PROBLEM).orElse(false)
        || saga.map(one -> one.state() == SagaState.PARKED).orElse(false)
        || branches.stream().anyMatch(one -> one.state() == State.PARKED);
  }
}
