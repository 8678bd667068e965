package dev.tenon.global;

import dev.tenon.transaction.Transactions;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;

/**
 * The steps of one saga. Each has a name; a name that comes again, as in a loop, is numbered. To be
 * used by the thread that runs the saga.
 *
 * <p>A step that was done in an earlier run gives the result that it gave. Results are stored as
 * JSON; a step's class says how they are read.
 */
public interface SagaScope {

  /**
   * Calls another service, which opens a branch there, or only reads. Inside, exactly one call is
   * made, by a client of Tenon's. The participant stores its reply, so the starter writes nothing.
   *
   * <p>A call without a definite answer, or with an error that the callee does not store (500 and
   * above, 401, 408, 425, 429, 499), is repeated under the same key with growing waits; if it stays
   * so, the saga is put aside and run again later, until its deadline.
   *
   * @param step the step's name
   * @param call makes the call
   * @param <T> the answer
   * @return the answer
   * @throws Exception what the call threw for a definite refusal, the same in each run
   */
  <T> T call(String step, Callable<T> call) throws Exception;

  /**
   * Writes to the service's own database: effect and result are one local commit. If it has to be
   * undone when the saga aborts, the work opens a branch by {@link Participant#open}.
   *
   * @param step the step's name
   * @param type the result's type
   * @param work what to do
   * @param <T> the result
   * @param <X> what the work may throw
   * @return the result
   * @throws X what the work threw; nothing was committed
   */
  <T, X extends Exception> T local(String step, Class<T> type, Transactions.Work<T, X> work)
      throws X;

  /**
   * Does something outside of any database, and stores its result. After a crash between both it is
   * done again: at least once.
   *
   * @param step the step's name
   * @param type the result's type
   * @param work what to do
   * @param <T> the result
   * @return the result
   * @throws Exception what the work threw
   */
  <T> T external(String step, Class<T> type, Callable<T> work) throws Exception;

  /**
   * Waits without holding a thread, over restarts and deployments.
   *
   * @param step the step's name
   * @param time how long, from when the step is first reached
   */
  void sleep(String step, Duration time);

  /**
   * Waits for a signal from outside without holding a thread.
   *
   * @param signal the signal's name, which is the step's too
   * @param type the payload's type
   * @param atMost how long, from when the step is first reached
   * @param <T> the payload
   * @return the payload; empty if none came in time, and then so in each run
   */
  <T> Optional<T> await(String signal, Class<T> type, Duration atMost);

  /**
   * Commits the saga, together with writes of its own: the pivot. From then on it only goes
   * forward: nothing is compensated, an exception is retried, and no branch can be opened. Without
   * it the saga commits when its code returns. What follows may last beyond the deadline, by as
   * long as decisions are kept ({@link GlobalConfig#keep}); a saga that would last longer is
   * parked.
   *
   * @param step the step's name
   * @param type the result's type
   * @param work the service's own last writes
   * @param <T> the result
   * @param <X> what the work may throw
   * @return the result
   * @throws X what the work threw; nothing was committed, and the saga aborts unless it is caught
   */
  <T, X extends Exception> T commit(String step, Class<T> type, Transactions.Work<T, X> work)
      throws X;

  /**
   * Does an irrevocable step in another service, whose answer decides: the pivot, if it may be
   * refused. That it is sent is stored first, by a commit of its own. From then on the saga waits
   * for the answer: if it was done, the saga is committed, as by {@link #commit}; if it was
   * refused, the saga is aborted, and what was done is compensated. Anything else is no answer, and
   * the pivot is repeated under the same key, after crashes and past the deadline too, until there
   * is one.
   *
   * <p>The callee stores its reply under the key, for as long as the saga may be in doubt. It is
   * called under no distributed transaction, and opens no branch.
   *
   * @param step the step's name
   * @param type the answer's type
   * @param pivot makes the call
   * @param <T> the answer
   * @return the answer
   * @throws GlobalTransactionException if the saga cannot be committed, as when its deadline has
   *     passed; nothing was sent, and the saga aborts unless it is caught
   */
  <T> T pivot(String step, Class<T> type, Pivot<T> pivot);

  /**
   * The same time in each run.
   *
   * @return when the saga was started
   */
  Instant startedAt();

  /**
   * A new id that is the same in each run.
   *
   * @param name unique in the saga
   * @return an id that no other saga and no other name has
   */
  UUID id(String name);

  /**
   * A key under which a service that knows nothing of this saga stores its reply: for calls after
   * the pivot.
   *
   * @param step unique in the saga
   * @return an idempotency key
   */
  String key(String step);
}
