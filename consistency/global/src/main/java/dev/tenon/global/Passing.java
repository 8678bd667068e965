package dev.tenon.global;

import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.sql.SQLException;
import java.util.Optional;
import java.util.Set;

/**
 * Tells failures that say nothing about what was tried: it is tried again, and they not counted.
 */
final class Passing {
  private static final String ROLLED_BACK = "40";

  /** Somebody else has a lock: of the database, or of an automatic branch. */
  private static final Set<String> LOCKED = Set.of("55P03", AutomaticBranches.LOCKED);

  /** Connection lost, rolled back by the database, too few resources, shut down. */
  private static final Set<String> CLASSES = Set.of("08", "40", "53", "57");

  private Passing() {}

  static boolean is(Throwable failure) {
    return state(failure)
            .filter(state -> CLASSES.contains(state.substring(0, 2)) || LOCKED.contains(state))
            .isPresent()
        || BranchReplies.causedBy(failure, UnknownCommitOutcomeException.class);
  }

  /** Whether the database rolled back because of another transaction: do it again at once. */
  static boolean isRace(Throwable failure) {
    return state(failure).filter(state -> state.startsWith(ROLLED_BACK)).isPresent();
  }

  private static Optional<String> state(Throwable failure) {
    for (Throwable e = failure; e != null; e = e.getCause()) {
      if (e instanceof SQLException sql && sql.getSQLState() != null) {
        return Optional.of(sql.getSQLState()).filter(state -> state.length() > 2);
      }
    }
    return Optional.empty();
  }
}
