package dev.tenon.messaging;

import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.StatementBatch;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Optional;

/**
 * Runs a caller's call once, however often it is repeated: the effects and the reply are written by
 * one local commit under the caller's key, and a repeated call gets that reply.
 *
 * <p><b>Rules.</b> An equal call under a known key gets the stored reply; an unequal one is
 * rejected. While a call under the key is running, in this instance or another one, further ones
 * are rejected at once; nobody waits. A call whose key is older than what is still stored is
 * rejected. All of this holds among the instances of a service. Keys of which no age is known are
 * new once their reply is forgotten, {@link MessagingConfig#replyRetention()} after it was stored.
 *
 * <p><b>Failures.</b> A {@link RefusalException} rolls the effects back, and is stored in a commit
 * of its own. Any other exception rolls back, stores nothing and reaches the caller, so that the
 * call can be repeated. So does an {@link dev.tenon.transaction.UnknownCommitOutcomeException}:
 * repeating the call under the same key tells what happened.
 *
 * <p>Thread-safe.
 */
public interface IdempotentReceiver {

  /**
   * Answers a call: runs its work, or gives the reply that was stored.
   *
   * @param key the caller's name for the call
   * @param fingerprint what the call asks for
   * @param work what to do; it is run at most once, in a unit of work that it may join. It may be
   *     run although an earlier run of it failed
   * @param <X> what the work may throw
   * @return what became of it, after the commit
   * @throws X if the work threw it; nothing was committed, and the key may be tried again
   * @throws MessagingException if a unit of work is open already, the reply is larger than {@link
   *     MessagingConfig#replyBytesMax()}, or the key could not be looked up; nothing was committed
   * @throws dev.tenon.transaction.TransactionException if no unit of work could be begun or
   *     committed
   */
  <X extends Exception> Receipt handle(IdempotencyKey key, Fingerprint fingerprint, Work<X> work)
      throws X;

  /**
   * Answers a call whose reply must be kept for longer than others; else as {@link
   * #handle(IdempotencyKey, Fingerprint, Work)}.
   *
   * @param key the caller's name for the call
   * @param fingerprint what the call asks for
   * @param keepUntil the reply is not deleted before this time, however short the retention is
   * @param work what to do
   * @param <X> what the work may throw
   * @return what became of it, after the commit
   * @throws X if the work threw it; nothing was committed, and the key may be tried again
   */
  <X extends Exception> Receipt handle(
      IdempotencyKey key, Fingerprint fingerprint, Instant keepUntil, Work<X> work) throws X;

  /**
   * Deletes the reply to a call whose effects are undone, with the commit of a unit of work.
   * Nothing happens if there is none.
   *
   * @param unit the unit of work that undoes the effects
   * @param key the caller's name for the call
   * @throws SQLException if the database refuses it
   */
  void forget(UnitOfWork unit, IdempotencyKey key) throws SQLException;

  /**
   * Looks for the reply under a key, in a transaction of its own.
   *
   * @param key the caller's name for the call
   * @return the reply; empty if none is stored now
   * @throws MessagingException if it could not be looked up
   */
  Optional<StoredReply> find(IdempotencyKey key);

  /**
   * What a call does.
   *
   * @param <X> what it may throw
   */
  @FunctionalInterface
  interface Work<X extends Exception> {
    /**
     * Does it.
     *
     * @param unit the open unit of work: what is written through it commits with the reply
     * @return the reply
     * @throws X to roll back, so that the call may be tried again
     * @throws RefusalException to roll back, and to keep the refusal as the reply
     */
    StoredReply run(UnitOfWork unit) throws X;

    /**
     * The same work, but run once only: the request that it reads is used up, say.
     *
     * @param work what to do
     * @param <X> what it may throw
     * @return work that is not {@link #repeatable()}
     */
    static <X extends Exception> Work<X> once(Work<X> work) {
      return new Work<>() {
        @Override
        public StoredReply run(UnitOfWork unit) throws X {
          return work.run(unit);
        }

        @Override
        public boolean repeatable() {
          return false;
        }
      };
    }

    /**
     * Whether {@link #run} may be called again after it was rolled back. A receiver of replies
     * alone does not; a participant of distributed transactions does when it met a locked row.
     *
     * @return {@code true}, unless overridden
     */
    default boolean repeatable() {
      return true;
    }

    /**
     * Asks the database what {@link #run} needs to know, in the round trip that looks for the
     * reply. It runs after that look, also if there is a reply, and then the answers are of no use.
     *
     * @param unit the open unit of work
     * @param batch takes the statements; to be left to run
     * @throws SQLException if they cannot be made
     */
    default void ask(UnitOfWork unit, StatementBatch batch) throws SQLException {}

    /**
     * Completes the reply just before the commit, when all else that the unit of work has recorded
     * before the reply is written.
     *
     * @param reply what {@link #run} gave
     * @return the reply to store and to give
     * @throws SQLException if it cannot; everything is rolled back
     */
    default StoredReply complete(StoredReply reply) throws SQLException {
      return reply;
    }
  }
}
