package dev.tenon.messaging.spi;

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
    Cursor cursor) {}
