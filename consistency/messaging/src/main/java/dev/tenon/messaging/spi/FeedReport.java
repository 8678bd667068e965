package dev.tenon.messaging.spi;

import static java.util.Objects.requireNonNull;

/**
 * The position of a slot that is committed at its subscriber.
 *
 * @param publisher the service that publishes
 * @param subscriber the service that reads
 * @param subscription the subscription's name
 * @param slot which slot, and of how many
 * @param cursor the position
 */
public record FeedReport(
    String publisher,
    String subscriber,
    String subscription,
    FeedRequest.Slot slot,
    Cursor cursor) {

  /** Checks that nothing is missing. */
  public FeedReport {
    requireNonNull(publisher, "publisher");
    requireNonNull(subscriber, "subscriber");
    requireNonNull(slot, "slot");
    requireNonNull(cursor, "cursor");
    FeedRequest.requireSubscriptionName(subscription);
  }
}
