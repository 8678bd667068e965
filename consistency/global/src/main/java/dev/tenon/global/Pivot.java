package dev.tenon.global;

/**
 * A saga's irrevocable step in a service that knows nothing of the saga, such as the charge of a
 * card.
 *
 * @param <T> the answer
 */
@FunctionalInterface
public interface Pivot<T> {

  /**
   * Does it, or meets what an earlier call under the same key has done.
   *
   * @param key the idempotency key, the same in each run
   * @return the answer: the step is done, and the saga is committed
   * @throws PivotRefusedException if it certainly was not done and never will be under this key:
   *     the saga is aborted
   * @throws Exception for any other reason: nobody knows whether it was done, and it is repeated
   */
  T call(String key) throws Exception;
}
