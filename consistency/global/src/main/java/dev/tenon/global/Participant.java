package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.StoredReply;
import java.sql.Connection;
import java.time.Duration;
import java.util.Optional;

/**
 * The receiving side of distributed transactions: runs the calls that come under an xid, so that
 * effect, branch and reply are written by one local commit. Thread-safe.
 */
public interface Participant {

  /**
   * Answers a call once: runs its work, or gives the reply that is stored under its xid and step.
   * The reply has the header {@link Listing#HEADER}. Work that refuses is rolled back, and the
   * refusal is stored. Work that meets a row which another distributed transaction has locked is
   * rolled back, waits, and is run again, for {@link GlobalConfig#lockWait()} at most, if it has
   * called nobody and {@link IdempotentReceiver.Work#repeatable()} allows it.
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
   * Answers a call whose try is not written by a local commit: it asks another system, say. The
   * branch is committed before the try is made, and again after it has ended, with the reply; no
   * transaction is open meanwhile. If the transaction is aborted during the try, it is undone at
   * once, and once more when the try has ended or its time is over. A try that fails other than by
   * a refusal is undone, as nobody knows what it did.
   *
   * @param call the call
   * @param fingerprint what it asks for
   * @param branch what confirms and undoes the try
   * @param work the try
   * @param <T> the type of what confirm and undo get
   * @param <X> what the try may throw
   * @return what became of it
   * @throws X if the try threw it; it is undone
   * @throws BranchRefusedException if the xid is not signed by its starter, the transaction is over
   *     or past its deadline, or a try under the same step has not ended
   */
  <T, X extends Exception> Receipt handleOutside(
      BranchCall call, Fingerprint fingerprint, OutsideBranch<T> branch, OutsideTry<X> work)
      throws X;

  /**
   * The branch of a try that is not written by a local commit.
   *
   * @param type what confirms and undoes it
   * @param argument what that gets; stored as JSON
   * @param atMost how long the try takes at most; if its process dies, it is taken for ended then
   * @param <T> the argument's type
   */
  record OutsideBranch<T>(BranchType<T> type, T argument, Duration atMost) {
    /** Checks that nothing is missing. */
    public OutsideBranch {
      requireNonNull(type, "type");
      requireNonNull(argument, "argument");
      if (atMost.isNegative() || atMost.isZero()) {
        throw new IllegalArgumentException("atMost: " + atMost + " (expected: > 0)");
      }
    }
  }

  /**
   * A try that is not written by a local commit.
   *
   * @param <X> what it may throw
   */
  @FunctionalInterface
  interface OutsideTry<X extends Exception> {
    /**
     * Does it.
     *
     * @return the reply
     * @throws X if nobody knows what it did
     * @throws dev.tenon.messaging.RefusalException if it did nothing; the refusal is the reply
     */
    StoredReply run() throws X;
  }

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
   * The connection of the current call's XA branch to another database of the service. What is
   * written through it is prepared, committed and rolled back together with the branch. The
   * connection is committed and closed with the branch's unit of work.
   *
   * @param database the name of a declared {@link XaDatabase}
   * @return the same connection for the same branch
   * @throws IllegalStateException if the current thread handles no call that has opened an XA
   *     branch
   * @throws GlobalTransactionException if the database cannot be reached
   */
  Connection connection(String database);

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
