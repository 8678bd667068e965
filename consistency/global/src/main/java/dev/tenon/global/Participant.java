package dev.tenon.global;

import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Receipt;
import java.util.Optional;

/**
 * The receiving side of distributed transactions: runs the calls that come under an xid, so that
 * effect, branch and reply are written by one local commit. Thread-safe.
 */
public interface Participant {

  /**
   * Answers a call once: runs its work, or gives the reply that is stored under its xid and step.
   * The reply has the header {@link Listing#HEADER}. Work that refuses is rolled back, and the
   * refusal is stored.
   *
   * @param call the call
   * @param fingerprint what it asks for
   * @param work what to do, in the unit of work that it may join; it opens its branch by {@link
   *     #open}
   * @param <X> what the work may throw
   * @return what became of it, after the commit
   * @throws X if the work threw it; nothing was committed here, and {@link #failedListing} says
   *     what the work had called in turn
   * @throws BranchRefusedException if the xid is not signed by its starter, the transaction is over
   *     or past its deadline; nothing was done
   */
  <X extends Exception> Receipt handle(
      BranchCall call, Fingerprint fingerprint, IdempotentReceiver.Work<X> work) throws X;

  /**
   * What to say of the branches that the calls of failed work have opened: they are dropped.
   *
   * @param failure what {@link #handle} threw on this thread
   * @return the value of the header {@link Listing#HEADER}; empty if it must be left out, as nobody
   *     knows whether the work was committed
   */
  Optional<String> failedListing(Throwable failure);

  /**
   * Runs a call that opens no branch here and stores no reply: one that only reads, and may call
   * on.
   *
   * @param call the call
   * @return to be closed by the thread that called this, when the work has ended
   * @throws BranchRefusedException if the xid is not signed by its starter
   */
  Reading enter(BranchCall call);

  /**
   * Opens the branch of the call that the current thread handles: how what it does is confirmed or
   * undone is committed with it.
   *
   * @param type what confirms and undoes it
   * @param argument what that gets; stored as JSON
   * @param <T> the argument's type
   * @throws GlobalTransactionException if a branch is open already under this call
   */
  <T> void open(BranchType<T> type, T argument);

  /**
   * Whether the current thread handles a call that may open a branch.
   *
   * @return {@code true} within {@link #handle}, and in a saga's own writes
   */
  boolean mayOpen();

  /** A call under way that opens no branch here. */
  interface Reading extends AutoCloseable {
    /**
     * What to say of the branches that its own calls have opened.
     *
     * @param refused whether the answer is an error
     * @return the value of the header {@link Listing#HEADER}
     */
    String listing(boolean refused);

    @Override
    void close();
  }
}
