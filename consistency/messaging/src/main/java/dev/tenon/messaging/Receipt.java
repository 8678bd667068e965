package dev.tenon.messaging;

/** What became of a call under an idempotency key. */
public sealed interface Receipt {

  /**
   * The work was run now. Its effects and the reply are committed; of a refusal, the reply alone.
   *
   * @param reply the handler's reply
   */
  record Executed(StoredReply reply) implements Receipt {}

  /**
   * The work was run before, by an equal call, and nothing was done now.
   *
   * @param reply the reply that was given then
   */
  record Replayed(StoredReply reply) implements Receipt {}

  /**
   * The work was not run, and nothing is known to answer with.
   *
   * @param reason why
   */
  record Rejected(Rejection reason) implements Receipt {}

  /** Why a call under a key is not answered. */
  enum Rejection {
    /** A call under this key is running: ask again in a moment. */
    STILL_RUNNING,
    /** The key was used for a call with another fingerprint: the caller has a bug. */
    OTHER_REQUEST,
    /** The key is so old that its reply may be forgotten: it cannot be told whether it was run. */
    FORGOTTEN
  }
}
