package dev.tenon.messaging.spi;

/** Reaches other services' feeds. Implementations are thread-safe and hold no cursor. */
public interface FeedTransport {

  /**
   * Opens a feed at a publisher.
   *
   * @param request what to read
   * @return an open stream, to be closed by the caller
   * @throws FeedException if it cannot be opened; the reason says what to do
   */
  FeedStream open(FeedRequest request);

  /**
   * Tells the publisher what is committed at the subscriber, so that it may drop what everybody has
   * read. Losing a report is harmless: the next one says more.
   *
   * @param report the committed positions of one slot
   * @throws FeedException if it could not be delivered
   */
  void report(FeedReport report);

  /**
   * Tells another instance of the same service that there is something new in the log.
   *
   * @param address the instance's address, as it registered it
   * @throws FeedException if it could not be delivered
   */
  void wake(String address);
}
