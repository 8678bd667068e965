package dev.tenon.global.spi;

import java.util.List;

/**
 * Carries phase two between services. Implementations are thread-safe; they prove to the other
 * service which service is calling.
 */
public interface GlobalTransport {
  /** The most orders or questions in one request. */
  int BATCH_MAX = 100;

  /**
   * Tells a participant how branches end.
   *
   * @param service the participant
   * @param orders at most {@value #BATCH_MAX}
   * @return a result for each, in the same order
   * @throws GlobalTransportException if no answer came; the orders may have been carried out, and
   *     are to be repeated
   */
  List<OrderResult> finish(String service, List<BranchOrder> orders);

  /**
   * Asks the starter about branches.
   *
   * @param starter the service that started the transactions
   * @param questions at most {@value #BATCH_MAX}
   * @return an answer for each, in the same order
   * @throws GlobalTransportException if no answer came; nothing follows from that
   */
  List<BranchAnswer> inquire(String starter, List<BranchQuestion> questions);
}
