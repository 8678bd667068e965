package dev.tenon.global.spi;

import java.util.List;

/**
 * What a service answers to others about distributed transactions; a transport serves it to callers
 * that have proved who they are. Thread-safe.
 */
public interface GlobalEndpoint {

  /**
   * Carries out a starter's orders.
   *
   * @param caller the calling service; an order of a transaction that it did not start is refused
   * @param orders at most {@value GlobalTransport#BATCH_MAX}
   * @return a result for each, in the same order
   * @throws IllegalArgumentException if an order is malformed or not the caller's to give; nothing
   *     was done
   */
  List<OrderResult> finish(String caller, List<BranchOrder> orders);

  /**
   * Answers questions about transactions that this service has started.
   *
   * @param caller the calling service
   * @param questions at most {@value GlobalTransport#BATCH_MAX}
   * @return an answer for each, in the same order
   * @throws IllegalArgumentException if a question is malformed or about another service's
   *     transaction
   */
  List<BranchAnswer> inquire(String caller, List<BranchQuestion> questions);
}
