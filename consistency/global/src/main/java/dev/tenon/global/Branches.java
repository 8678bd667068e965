package dev.tenon.global;

import dev.tenon.global.spi.OrderResult;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * This service's branches that have not ended, for operators. Every change is recorded, with who
 * made it and why, by the commit that makes it. Thread-safe.
 */
public interface Branches {
  /** The most branches of one listing. */
  int LIST_MAX = 1000;

  /**
   * The branches that have not ended, the oldest first.
   *
   * @param most how many at most; 1 to {@value #LIST_MAX}
   * @return the branches, those parked among them
   */
  List<OpenBranch> list(int most);

  /**
   * One branch that has not ended.
   *
   * @param xid the transaction
   * @param step the call that opened it
   * @return the branch; empty if there is none
   */
  Optional<OpenBranch> find(Xid xid, String step);

  /**
   * Tries a parked branch again, with its attempts counted from the beginning: how it is to end is
   * done now, or asked anew if that is not known.
   *
   * @param xid the transaction
   * @param step the call that opened it
   * @param operator who says so
   * @return what became of it: {@link OrderResult#LATER} if it is asked about or tried again in the
   *     background
   * @throws IllegalArgumentException if no such branch is parked
   */
  OrderResult retry(Xid xid, String step, Operator operator);

  /**
   * Ends a parked branch as it is to end, without running what confirms or undoes it: a person has
   * done that, or it is not to be done.
   *
   * @param xid the transaction
   * @param step the call that opened it
   * @param operator who says so
   * @throws IllegalArgumentException if no such branch is parked, or it is not known how it is to
   *     end
   */
  void skip(Xid xid, String step, Operator operator);

  /**
   * Ends a branch in a way that a person has decided, whatever the starter decides: the other
   * branches of the transaction may end otherwise. For a starter that is gone for good.
   *
   * @param xid the transaction
   * @param step the call that opened it
   * @param outcome how it ends
   * @param operator who says so
   * @return what became of it: {@link OrderResult#LATER} if its end failed and is tried again
   * @throws IllegalArgumentException if no such branch is open or parked, or its try is under way
   *     and it is to be committed
   */
  OrderResult force(Xid xid, String step, Outcome outcome, Operator operator);

  /**
   * A branch that has not ended.
   *
   * @param xid the transaction
   * @param step the call that opened it
   * @param id its id
   * @param what what it is about
   * @param state how it stands
   * @param progress what was tried
   */
  record OpenBranch(Xid xid, String step, UUID id, What what, State state, Progress progress) {

    /**
     * Whom it waits for.
     *
     * @return in words
     */
    public String waitsFor() {
      return switch (state) {
        case TRYING -> "its try to end, or service " + xid.starter();
        case CANCELLED_IN_TRY -> "its try to end";
        case OPEN -> "service " + xid.starter();
        case ENDING -> "its next attempt";
        case PARKED -> "a person";
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
  record What(BranchKind kind, String type, String caller, String operation) {}

  /** How a branch stands. */
  enum State {
    /** A try that is no local commit is under way. */
    TRYING,
    /** It was undone while its try was under way, and is to be once more. */
    CANCELLED_IN_TRY,
    /** It waits for the starter's decision. */
    OPEN,
    /** How it ends is known, and has failed so far. */
    ENDING,
    /** It waits for a person. */
    PARKED
  }

  /**
   * What was tried.
   *
   * @param openedAt when it was opened
   * @param age for how long it is open
   * @param wanted how it is to end, if that is known
   * @param asked how often the starter was asked
   * @param attempts failed attempts to end it
   * @param error what failed last, or why it is parked
   */
  record Progress(
      Instant openedAt,
      Duration age,
      Optional<Outcome> wanted,
      int asked,
      int attempts,
      Optional<String> error) {}
}
