package dev.tenon.global;

import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * A branch as it is stored.
 *
 * @param key which one
 * @param id empty if it was undone before a try had come
 * @param header the signed xid
 * @param stored its state
 * @param wanted how it is to end, if that is known and has not been done
 * @param work what ends it; empty if it was undone before a try had come
 * @param times when what happened, and happens next
 * @param counts how often what was tried
 * @param error why it is parked, or what failed last
 */
record BranchRow(
    Key key,
    Optional<UUID> id,
    String header,
    Stored stored,
    Optional<Outcome> wanted,
    Optional<Work> work,
    Times times,
    Counts counts,
    Optional<String> error) {

  /** The states of a row. */
  enum Stored {
    TRYING,
    CANCELLED_IN_TRY,
    OPEN,
    PARKED,
    COMMITTED,
    ABORTED
  }

  /**
   * Which branch.
   *
   * @param xid the transaction
   * @param step the call
   */
  record Key(Xid xid, String step) {}

  /**
   * What ends it.
   *
   * @param type the name of its type
   * @param argument what confirm and undo get, as JSON
   */
  record Work(BranchKind kind, String type, String argument, String caller, String operation) {}

  /**
   * Its times.
   *
   * @param tryUntil of a try that is no local commit: when it is taken for dead
   * @param nextAt when to ask about it or to try again to end it
   */
  record Times(Instant openedAt, Optional<Instant> tryUntil, Optional<Instant> nextAt) {}

  /**
   * How often what was tried.
   *
   * @param asked questions to the starter
   * @param attempts failed attempts to end it
   */
  record Counts(int asked, int attempts) {
    static final Counts NONE = new Counts(0, 0);
  }

  /** What the rules say of it. */
  BranchState state() {
    return switch (stored) {
      case TRYING -> new BranchState.Trying(known());
      case CANCELLED_IN_TRY -> new BranchState.CancelledInTry(known());
      case OPEN -> new BranchState.Open(known());
      case PARKED -> new BranchState.Parked(known(), wanted);
      case COMMITTED -> new BranchState.Closed(Outcome.COMMITTED, id);
      case ABORTED -> new BranchState.Closed(Outcome.ABORTED, id);
    };
  }

  /** The id of a branch that a try has opened. */
  UUID known() {
    return id.orElseThrow(() -> new IllegalStateException("a branch without id is " + stored));
  }

  static Stored closed(Outcome outcome) {
    return switch (outcome) {
      case COMMITTED -> Stored.COMMITTED;
      case ABORTED -> Stored.ABORTED;
    };
  }
}
