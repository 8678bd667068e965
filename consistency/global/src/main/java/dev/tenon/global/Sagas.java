package dev.tenon.global;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Starts sagas, and says what became of them. Thread-safe. */
public interface Sagas {

  /**
   * Starts a saga. Inside a unit of work it is started by its commit; else by one of its own. A
   * second start under the same id starts nothing, as long as the first is kept: until {@link
   * GlobalConfig#keep} after its end and after its deadline.
   *
   * @param type a declared type
   * @param id the caller's name for it, unique among sagas of the type; 1 to 200 characters
   * @param input what it gets
   * @param <I> the input
   * @throws IllegalArgumentException if the type is not declared or the id too long
   */
  <I> void start(SagaType<I, ?> type, String id, I input);

  /**
   * Waits for the end of a saga, and says which it was.
   *
   * @param type its type
   * @param id its id
   * @param atMost how long
   * @param <O> the result
   * @return how it ended, or that it has not by then
   * @throws GlobalTransactionException if it was never started
   * @throws InterruptedException if the thread was interrupted; the saga goes on
   */
  <O> Ending<O> ending(SagaType<?, O> type, String id, Duration atMost) throws InterruptedException;

  /**
   * Waits for the result of a saga that has one.
   *
   * @param type its type
   * @param id its id
   * @param atMost how long
   * @param <O> the result
   * @return the result; empty if it has not ended by then, and goes on, or if its code returned
   *     null: {@link #ending} tells these apart
   * @throws GlobalTransactionException if it was aborted, is parked, or was never started
   * @throws InterruptedException if the thread was interrupted; the saga goes on
   */
  default <O> Optional<O> result(SagaType<?, O> type, String id, Duration atMost)
      throws InterruptedException {
    return switch (ending(type, id, atMost)) {
      case Ending.Done<O> done -> done.result();
      case Ending.UnderWay<O> underWay -> Optional.empty();
      case Ending.Aborted<O> aborted -> throw aborted.failure();
      case Ending.Parked<O> parked -> throw parked.failure();
    };
  }

  /**
   * Sends a signal. It is kept until the saga waits for it; the first under a name stands. Inside a
   * unit of work it is sent by its commit.
   *
   * @param type the saga's type
   * @param id the saga's id
   * @param name the signal's name
   * @param payload what to send
   * @throws GlobalTransactionException if there is no such saga under way
   */
  void signal(SagaType<?, ?> type, String id, String name, Object payload);

  /**
   * Looks a saga up.
   *
   * @param type its type
   * @param id its id
   * @return what is known
   */
  Optional<Status> find(SagaType<?, ?> type, String id);

  /**
   * Exports what a saga has done up to its last commit of its own, for tests of later code.
   *
   * @param type its type
   * @param id its id
   * @return its history
   * @throws GlobalTransactionException if it is not known, or was aborted: its results are undone
   */
  SagaHistory history(SagaType<?, ?> type, String id);

  /**
   * How a saga ended.
   *
   * @param <O> its result
   */
  sealed interface Ending<O> {
    /**
     * Well.
     *
     * @param result what its code returned; empty for null
     * @param <O> its result
     */
    record Done<O>(Optional<O> result) implements Ending<O> {}

    /**
     * It was aborted; what it did is compensated.
     *
     * @param failure says why
     * @param <O> its result
     */
    record Aborted<O>(GlobalTransactionException failure) implements Ending<O> {}

    /**
     * It has not ended, and waits for a person.
     *
     * @param failure says why
     * @param <O> its result
     */
    record Parked<O>(GlobalTransactionException failure) implements Ending<O> {}

    /**
     * It has not ended, and goes on.
     *
     * @param <O> its result
     */
    record UnderWay<O>() implements Ending<O> {}
  }

  /** How a saga stands. */
  enum State {
    /** It runs, sleeps or waits, and may still be aborted. */
    RUNNING,
    /** It is committed, and goes forward. */
    FORWARD,
    /** It has ended well. */
    DONE,
    /** It was aborted; what it did is compensated. */
    ABORTED,
    /** It waits for a person. */
    PARKED
  }

  /**
   * What is known of a saga.
   *
   * @param xid its transaction
   * @param type its type's name
   * @param id its id
   * @param state how it stands
   * @param steps the steps up to its last commit of its own
   * @param startedAt when it was started
   * @param wakeAt when it is run again, if it sleeps or waits
   * @param awaits the signal it waits for
   * @param error why it was aborted or parked, or failed last
   */
  record Status(
      Xid xid,
      String type,
      String id,
      State state,
      List<String> steps,
      Instant startedAt,
      Optional<Instant> wakeAt,
      Optional<String> awaits,
      Optional<String> error) {}
}
