package dev.tenon.global;

import java.util.Optional;
import java.util.UUID;

/** What a participant's database holds under one xid and step. */
sealed interface BranchState {

  /** Nothing: no call has come, or what it did was rolled back, or it was long ago. */
  record Absent() implements BranchState {}

  /** A try that is no local commit has begun and has not ended. */
  record Trying(UUID id) implements BranchState {}

  /** Undone while its try had not ended: to be undone once more when it has. */
  record CancelledInTry(UUID id) implements BranchState {}

  /** The effect is committed, and may be confirmed or undone. */
  record Open(UUID id) implements BranchState {}

  /**
   * It has ended; the row bars later tries.
   *
   * @param id empty if no try had come when it was undone
   */
  record Closed(Outcome outcome, Optional<UUID> id) implements BranchState {}

  /**
   * It waits for a person.
   *
   * @param wanted how it is to end; empty if that cannot be known
   */
  record Parked(UUID id, Optional<Outcome> wanted) implements BranchState {}
}
