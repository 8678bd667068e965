package dev.tenon.messaging.spi;

/**
 * The publisher's end of its feeds: what a transport's server drives. The transport has proved that
 * the request's subscriber is who it says. Thread-safe.
 */
public interface FeedSource {

  /**
   * The service whose log it is.
   *
   * @return its name
   */
  String service();

  /**
   * Opens a stream over the log.
   *
   * @param request what to read
   * @return a stream that is never at its end; the transport closes it when the peer goes
   * @throws FeedException if the subscriber may not, or the position or a topic is unknown
   */
  FeedStream open(FeedRequest request);

  /**
   * Takes a subscriber's report.
   *
   * @param report the committed position
   * @throws FeedException if the subscriber may not read the topics
   */
  void report(FeedReport report);

  /** Takes another instance's word that there is something new in the log. */
  void wake();
}
