package dev.tenon.global;

import java.time.Instant;
import java.util.Optional;

/**
 * How many of a service's distributed transactions have not ended; each number is counted up to
 * {@value #COUNT_MAX}.
 *
 * @param decisions the decisions of this service that not all participants have acknowledged
 * @param branches this service's own branches
 * @param sagas sagas of this service
 */
public record OpenCounts(Decisions decisions, OpenBranches branches, OpenSagas sagas) {
  /** What is more is counted as this many. */
  public static final int COUNT_MAX = 1000;

  /**
   * Open decisions.
   *
   * @param open how many, those with a problem included
   * @param withProblem how many of them wait for a person, as a participant has a problem
   * @param oldest when the oldest of those counted was made; empty if none is open
   */
  public record Decisions(long open, long withProblem, Optional<Instant> oldest) {}

  /**
   * Open branches.
   *
   * @param inDoubt how many wait for the starter's decision
   * @param parked how many wait for a person
   * @param oldest when the oldest of those in doubt that are counted was opened; empty if none is
   */
  public record OpenBranches(long inDoubt, long parked, Optional<Instant> oldest) {}

  /**
   * Open sagas.
   *
   * @param pivotsInDoubt how many have sent their pivot, and do not know what became of it
   * @param parked how many wait for a person
   */
  public record OpenSagas(long pivotsInDoubt, long parked) {}
}
