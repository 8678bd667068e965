package dev.tenon.global;

/**
 * A business process over several services, as plain code: each step is done at once, and undone by
 * its compensation if a later one refuses.
 *
 * <p>After a crash the code is run again from the top, perhaps by another instance; steps that were
 * done give the result that they gave. So whatever steers its path, time, chance and ids included,
 * comes from a step, from the scope or from the input. An exception aborts the saga: what was done
 * is compensated, the latest first.
 *
 * @param <I> the input; stored as JSON
 * @param <O> the result; stored as JSON
 */
@FunctionalInterface
public interface Saga<I, O> {

  /**
   * Does the process.
   *
   * @param scope its steps
   * @param input what it was started with
   * @return the result, stored with the commit that ends the saga
   * @throws Exception to abort it
   */
  O run(SagaScope scope, I input) throws Exception;
}
