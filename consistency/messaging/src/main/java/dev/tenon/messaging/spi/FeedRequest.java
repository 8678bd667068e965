package dev.tenon.messaging.spi;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Set;

/**
 * What a subscriber asks of a publisher's feed: one hash slot of one subscription.
 *
 * @param publisher the service asked
 * @param subscriber the service that asks; the transport proves it
 * @param subscription the subscription's name at the subscriber
 * @param topics the topics wanted; at least one
 * @param slot which hash slot, and of how many
 * @param position where to begin
 */
public record FeedRequest(
    String publisher,
    String subscriber,
    String subscription,
    Set<String> topics,
    Slot slot,
    Position position) {
  private static final int NAME_SHOWN_MAX = 120;

  /** Checks and copies. */
  public FeedRequest {
    requireNonNull(publisher, "publisher");
    requireNonNull(subscriber, "subscriber");
    requireNonNull(subscription, "subscription");
    requireNonNull(slot, "slot");
    requireNonNull(position, "position");
    requireSubscriptionName(subscription);
    topics = Set.copyOf(topics);
    if (topics.isEmpty()) {
      throw new IllegalArgumentException("topics: none (expected: at least one)");
    }
  }

  /**
   * Checks the name of a subscription, which a publisher keeps.
   *
   * @param name the name
   * @throws IllegalArgumentException if it is none
   */
  static void requireSubscriptionName(String name) {
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")) {
      throw new IllegalArgumentException(
          "subscription: "
              + name.substring(0, Math.min(name.length(), NAME_SHOWN_MAX))
              + " (expected: letters, digits, '.', '_', '-', at most 100)");
    }
  }

  /**
   * A hash slot.
   *
   * @param index from 0
   * @param count how many slots the subscription has, at most {@link #COUNT_MAX}
   */
  public record Slot(int index, int count) {
    /** The most slots of a subscription. */
    public static final int COUNT_MAX = 256;

    /** Checks the bounds. */
    public Slot {
      if (count < 1 || count > COUNT_MAX || index < 0 || index >= count) {
        throw new IllegalArgumentException(
            "slot: "
                + index
                + "/"
                + count
                + " (expected: 0 <= index < count <= "
                + COUNT_MAX
                + ")");
      }
    }
  }

  /** Where a stream begins. */
  public sealed interface Position {
    /** Snapshots where there are some, else the oldest row that is kept. */
    record Beginning() implements Position {}

    /** After what is in the log now. */
    record Now() implements Position {}

    /**
     * After a cursor.
     *
     * @param cursor the last position whose effects are committed
     */
    record After(Cursor cursor) implements Position {}

    /**
     * After the newest of several cursors that the publisher still knows: the way back for a
     * subscriber whose cursor is unknown to a publisher that lost its tail.
     *
     * @param cursors newest first; at most 1,000
     */
    record AfterNewestKnown(List<Cursor> cursors) implements Position {
      /** Copies. */
      public AfterNewestKnown {
        cursors = List.copyOf(cursors);
      }
    }
  }
}
