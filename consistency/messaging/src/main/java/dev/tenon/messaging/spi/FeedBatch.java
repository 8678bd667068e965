package dev.tenon.messaging.spi;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * A piece of a feed.
 *
 * @param messages in the order of the log; may be empty
 * @param end the position after the batch: past rows of other slots and topics too
 * @param lag how many messages the log holds after {@code end}, of all slots and topics
 */
public record FeedBatch(List<FeedMessage> messages, Cursor end, long lag) {
  /** Checks and copies. */
  public FeedBatch {
    requireNonNull(end, "end");
    messages = List.copyOf(messages);
  }
}
