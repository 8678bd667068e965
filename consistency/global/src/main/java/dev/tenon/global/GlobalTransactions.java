package dev.tenon.global;

import dev.tenon.global.spi.GlobalEndpoint;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.XidSigner;
import dev.tenon.messaging.Messaging;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.Transactions;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.Optional;

/**
 * A service's distributed transactions: those that it starts, and its part in others'.
 *
 * <p><b>The commit.</b> A transaction's work calls other services, and writes this service's own
 * rows last. The decision is a row of its own that is written by the same local commit as these
 * rows: by the outermost writing unit of work that the work opens, or by the one that was open
 * before. If it opens none and other services have branches, the decision gets a commit of its own;
 * if they have none, nothing is written. Units of work of other threads are not part of it.
 *
 * <p><b>Failures.</b> Before the decision, an exception of the work aborts the transaction and
 * reaches the caller as it is. A transaction that cannot be committed (a call has no definite
 * answer, its deadline has passed, it was asked to roll back) ends with a {@link
 * GlobalTransactionException} that was told {@code ABORTED}, and nothing of the local unit of work
 * is committed. After the decision, an exception of the work reaches the caller as the cause of one
 * that was told {@code COMMITTED}. {@code UNKNOWN} is told only if the answer to the commit was
 * lost and the database cannot be reached now. What a unit of work that was open before decides,
 * its own commit tells.
 *
 * <p>Built once per process. Transactions can be started from then on; {@link #start()} begins
 * telling participants how they end, and taking over from dead instances. Thread-safe.
 */
public interface GlobalTransactions extends AutoCloseable {

  /**
   * Begins distributed transactions over a service's own database.
   *
   * @param transactions the service's units of work
   * @param messaging the service's messaging over the same units of work
   * @return a builder
   */
  static Builder builder(Transactions transactions, Messaging messaging) {
    return new GlobalTransactionsBuilder(transactions, messaging);
  }

  /**
   * Runs work as a distributed transaction, or as part of the one under way.
   *
   * @param timeout from now to the hard deadline, after which it cannot be committed; not used if
   *     it joins; at most {@link GlobalConfig#keep()}
   * @param nesting whether it joins one that is under way. If joined work throws, all is aborted
   * @param work what to do
   * @param <T> what it answers
   * @param <X> what it may throw
   * @return the work's answer; the transaction is committed, unless it joined or a unit of work was
   *     open before
   * @throws X if the work threw it; all is aborted
   * @throws GlobalTransactionException if it could not be committed, or is committed and the work
   *     failed after that
   * @throws dev.tenon.transaction.TransactionException if a unit of work could not be begun or
   *     committed; all is aborted
   */
  <T, X extends Exception> T call(Duration timeout, Nesting nesting, Work<T, X> work) throws X;

  /**
   * Runs work as a distributed transaction with the timeout that is configured, or as part of the
   * one under way.
   *
   * @param work what to do
   * @param <T> what it answers
   * @param <X> what it may throw
   * @return the work's answer
   * @throws X if the work threw it; all is aborted
   */
  <T, X extends Exception> T call(Work<T, X> work) throws X;

  /**
   * Runs work as {@link #call(Duration, Nesting, Work)} does, and joins.
   *
   * @param timeout from now to the hard deadline
   * @param work what to do
   * @param <T> what it answers
   * @param <X> what it may throw
   * @return the work's answer
   * @throws X if the work threw it; all is aborted
   */
  default <T, X extends Exception> T call(Duration timeout, Work<T, X> work) throws X {
    return call(timeout, Nesting.JOIN, work);
  }

  /**
   * Runs work that has no answer as {@link #call(Duration, Work)} does.
   *
   * @param timeout from now to the hard deadline
   * @param work what to do
   * @param <X> what it may throw
   * @throws X if the work threw it; all is aborted
   */
  default <X extends Exception> void run(Duration timeout, Action<X> work) throws X {
    this.<Boolean, X>call(
        timeout,
        transaction -> {
          work.run(transaction);
          return true;
        });
  }

  /**
   * The distributed transaction that this thread works for, as its starter or as a participant.
   *
   * @return it; empty if there is none
   */
  Optional<GlobalTransaction> current();

  /**
   * The sagas of this service.
   *
   * @return starts them, and says what became of them
   */
  Sagas sagas();

  /**
   * This service's part in transactions that others have started.
   *
   * @return the participant
   */
  Participant participant();

  /**
   * What this service knows of transactions that have not ended, for operators.
   *
   * @return the operations
   */
  OpenTransactions openTransactions();

  /**
   * Counts what has not ended in this service, for whoever watches it.
   *
   * @return the numbers
   * @throws GlobalTransactionException if the database does not answer
   */
  OpenCounts counts();

  /**
   * What this service answers to others, for a transport's server.
   *
   * @return the endpoint
   */
  GlobalEndpoint endpoint();

  /**
   * Starts the background work.
   *
   * @throws IllegalStateException if it was started or closed before
   */
  void start();

  /**
   * Does, on the calling thread, one round of everything that is due: for tests that drive it by
   * hand. Must not be mixed with {@link #start()}.
   *
   * @return whether anything was done; {@code false} means that nothing is due now
   */
  boolean runPending();

  /** Lets what is in progress end, and gives the rest to other instances. Safe to repeat. */
  @Override
  void close();

  /**
   * Work with an answer.
   *
   * @param <T> the answer
   * @param <X> what it may throw
   */
  @FunctionalInterface
  interface Work<T, X extends Exception> {
    /**
     * Does the work.
     *
     * @param transaction the distributed transaction
     * @return the answer
     * @throws X to abort
     */
    T call(GlobalTransaction transaction) throws X;
  }

  /**
   * Work without an answer.
   *
   * @param <X> what it may throw
   */
  @FunctionalInterface
  interface Action<X extends Exception> {
    /**
     * Does the work.
     *
     * @param transaction the distributed transaction
     * @throws X to abort
     */
    void run(GlobalTransaction transaction) throws X;
  }

  /** Collects what distributed transactions need. Not thread-safe. */
  interface Builder {
    /**
     * How to reach other services.
     *
     * @param transport the transport
     * @return this
     */
    Builder transport(GlobalTransport transport);

    /**
     * Declares how branches of this service end that are opened for one kind of work. Keep a type
     * declared while one of its branches is open.
     *
     * @param type the kind of work
     * @return this
     */
    Builder branch(BranchType<?> type);

    /**
     * Declares another database that XA branches of this service may write to: see {@link
     * Participant#connection}. Keep it declared while one of them is open.
     *
     * @param database the database
     * @return this
     */
    Builder database(XaDatabase database);

    /**
     * Declares a saga of this service. Keep it declared while one is under way.
     *
     * @param type the saga
     * @return this
     */
    Builder saga(SagaType<?, ?> type);

    /**
     * How this service signs, and checks others' signatures.
     *
     * @param signer the signer
     * @return this
     */
    Builder signer(XidSigner signer);

    /**
     * Sets the limits; the defaults unless given.
     *
     * @param config the limits
     * @return this
     */
    Builder config(GlobalConfig config);

    /**
     * Sets where time, ids, randomness and threads come from; the system unless given.
     *
     * @param runtime the runtime
     * @return this
     */
    Builder runtime(TenonRuntime runtime);

    /**
     * Sets where meters are kept; nowhere unless given.
     *
     * @param registry the registry
     * @return this
     */
    Builder meters(MeterRegistry registry);

    /**
     * Makes it. Nothing runs yet.
     *
     * @return the distributed transactions
     * @throws IllegalArgumentException if the transport or the signer is missing, or two types of
     *     branches have one name
     */
    GlobalTransactions build();
  }
}
