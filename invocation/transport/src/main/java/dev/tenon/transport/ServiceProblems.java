package dev.tenon.transport;

import dev.tenon.global.BranchRefusedException;
import dev.tenon.global.RowLockedException;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.Receipt;

/**
 * What servers of all protocols answer alike: problems of calls under an idempotency key, and of
 * the service's database.
 */
public final class ServiceProblems {
  private static final String STILL_RUNNING = "still-running";
  private static final int UNAVAILABLE = 503;

  private ServiceProblems() {}

  /**
   * A call came without the key that its operation requires.
   *
   * @return 400
   */
  public static Problem keyMissing() {
    return Problem.of(400, "key-missing", "This operation needs an Idempotency-Key.");
  }

  /**
   * A call came with something that is no key.
   *
   * @param rule what is wrong, and what is expected
   * @return 400
   */
  public static Problem keyMalformed(String rule) {
    return Problem.of(400, "key-malformed", rule);
  }

  /**
   * A call under a key was not run, and there is no reply to give again.
   *
   * @param reason why
   * @return 409, 422 or 410
   */
  public static Problem rejected(Receipt.Rejection reason) {
    return switch (reason) {
      case STILL_RUNNING ->
          Problem.of(
              409, STILL_RUNNING, "A request with this key is running. Send it again in a moment.");
      case OTHER_REQUEST ->
          Problem.of(
              422,
              "other-request",
              "This key was used for another request. Use a new key for a new request.");
      case FORGOTTEN ->
          Problem.of(
              410,
              "forgotten",
              "This key is so old that its answer may be forgotten: look whether the request was"
                  + " done, and use a new key if not.");
    };
  }

  /**
   * A call under a distributed transaction was not run.
   *
   * @param refused why
   * @return 403 {@code xid-not-genuine}, 409 {@code transaction-over}, 410 {@code
   *     transaction-too-late}, 409 {@code still-running} or 428 {@code transaction-required}
   */
  public static Problem refused(BranchRefusedException refused) {
    String detail = String.valueOf(refused.getMessage());
    return switch (refused.reason()) {
      case NOT_GENUINE -> Problem.of(403, "xid-not-genuine", detail);
      case OVER -> Problem.of(409, "transaction-over", detail);
      case TOO_LATE -> Problem.of(410, "transaction-too-late", detail);
      case STILL_RUNNING -> Problem.of(409, STILL_RUNNING, detail);
      case NO_TRANSACTION -> Problem.of(428, "transaction-required", detail);
    };
  }

  /**
   * A call was to write a row that a distributed transaction has changed which is still open.
   *
   * @param locked what was met
   * @return 503 {@code row-locked}
   */
  public static Problem rowLocked(RowLockedException locked) {
    return Problem.of(503, "row-locked", String.valueOf(locked.getMessage()));
  }

  /**
   * A call came with something that is no step of a distributed transaction.
   *
   * @param rule what is wrong, and what is expected
   * @return 400
   */
  public static Problem stepMalformed(String rule) {
    return Problem.of(400, "step-malformed", rule);
  }

  /**
   * A stream was opened under a distributed transaction.
   *
   * @return 400
   */
  public static Problem streamUnderTransaction() {
    return Problem.of(
        400,
        "stream-under-transaction",
        "A stream has no one answer that could name the branches of a distributed transaction."
            + " Open it before or after the transaction. Nothing was done.");
  }

  /**
   * The database went away while it committed.
   *
   * @return 503
   */
  public static Problem outcomeUnknown() {
    return Problem.of(
        UNAVAILABLE,
        "outcome-unknown",
        "The connection to the database broke during the commit. Send the request again with the"
            + " same key: it is answered by what happened.");
  }

  /**
   * The database cannot be reached, or went away before a commit.
   *
   * @return 503
   */
  public static Problem databaseAway() {
    return Problem.of(
        UNAVAILABLE,
        "database-away",
        "The service's database cannot be reached now. What was not committed is undone: send the"
            + " request again later.");
  }

  /**
   * Whether the same request may be answered otherwise in a moment, so that the answer advises when
   * to come again.
   *
   * @param problem the answer
   * @return true for what is running now, and for what the database is missing for
   */
  public static boolean passesSoon(Problem problem) {
    return problem.status() == UNAVAILABLE
        || problem.reason().filter(STILL_RUNNING::equals).isPresent();
  }
}
