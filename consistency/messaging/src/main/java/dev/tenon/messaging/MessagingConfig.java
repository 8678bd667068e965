package dev.tenon.messaging;

import static java.util.Objects.requireNonNull;

import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.runtime.Backoff;
import java.time.Duration;

/**
 * The limits of messaging. Immutable; start from {@link #defaults()} and change what must differ.
 */
public final class MessagingConfig {
  private int messageBytesMax = 1 << 20;
  private int batchMessagesMax = 500;
  private int batchBytesMax = 4 << 20;
  private int slots = 4;
  private int attemptsMax = 10;
  private int failedKeysMax = 10_000;
  private Backoff backoff = new Backoff(Duration.ofMillis(200), Duration.ofMinutes(1));
  private Duration lease = Duration.ofSeconds(3);
  private Duration pollInterval = Duration.ofSeconds(1);
  private Duration windowGapMax = Duration.ofMillis(25);
  private Duration retention = Duration.ofHours(24);
  private Duration subscriberHoldMax = Duration.ofDays(7);
  private int subscriptionsPerSubscriberMax = 100;
  private int partitionRows = 1_000_000;
  private Duration replyRetention = Duration.ofHours(24);
  private int replyBytesMax = 1 << 20;

  private MessagingConfig() {}

  private MessagingConfig(MessagingConfig other) {
    messageBytesMax = other.messageBytesMax;
    batchMessagesMax = other.batchMessagesMax;
    batchBytesMax = other.batchBytesMax;
    slots = other.slots;
    attemptsMax = other.attemptsMax;
    failedKeysMax = other.failedKeysMax;
    backoff = other.backoff;
    lease = other.lease;
    pollInterval = other.pollInterval;
    windowGapMax = other.windowGapMax;
    retention = other.retention;
    subscriberHoldMax = other.subscriberHoldMax;
    subscriptionsPerSubscriberMax = other.subscriptionsPerSubscriberMax;
    partitionRows = other.partitionRows;
    replyRetention = other.replyRetention;
    replyBytesMax = other.replyBytesMax;
  }

  /**
   * The defaults, each named at its method.
   *
   * @return a config
   */
  public static MessagingConfig defaults() {
    return new MessagingConfig();
  }

  /**
   * The most bytes of one message's payload; 1 MiB by default.
   *
   * @return bytes
   */
  public int messageBytesMax() {
    return messageBytesMax;
  }

  /**
   * Changes {@link #messageBytesMax()}.
   *
   * @param bytes from 1 to 16 MiB
   * @return a changed copy
   */
  public MessagingConfig messageBytesMax(int bytes) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.messageBytesMax = within("messageBytesMax", bytes, 1, 16 << 20);
    return copy;
  }

  /**
   * The most messages in a batch, which is one commit of the subscriber; 500 by default.
   *
   * @return messages
   */
  public int batchMessagesMax() {
    return batchMessagesMax;
  }

  /**
   * Changes {@link #batchMessagesMax()}.
   *
   * @param messages from 1 to 10,000
   * @return a changed copy
   */
  public MessagingConfig batchMessagesMax(int messages) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.batchMessagesMax = within("batchMessagesMax", messages, 1, 10_000);
    return copy;
  }

  /**
   * The most payload bytes in a batch, but for one larger message; 4 MiB by default.
   *
   * @return bytes
   */
  public int batchBytesMax() {
    return batchBytesMax;
  }

  /**
   * Changes {@link #batchBytesMax()}.
   *
   * @param bytes from 1 to 32 MiB, so that a batch fits into a frame of the feed
   * @return a changed copy
   */
  public MessagingConfig batchBytesMax(int bytes) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.batchBytesMax = within("batchBytesMax", bytes, 1, 32 << 20);
    return copy;
  }

  /**
   * Into how many hash slots a new subscription is cut, which is how many of its batches can run at
   * once over all instances; 4 by default. A subscription keeps the number it was made with.
   *
   * @return slots
   */
  public int slots() {
    return slots;
  }

  /**
   * Changes {@link #slots()}.
   *
   * @param count from 1 to 256
   * @return a changed copy
   */
  public MessagingConfig slots(int count) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.slots = within("slots", count, 1, FeedRequest.Slot.COUNT_MAX);
    return copy;
  }

  /**
   * How often a message is tried before it is parked; 10 by default.
   *
   * @return attempts
   */
  public int attemptsMax() {
    return attemptsMax;
  }

  /**
   * Changes {@link #attemptsMax()}.
   *
   * @param attempts from 1 to 1,000
   * @return a changed copy
   */
  public MessagingConfig attemptsMax(int attempts) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.attemptsMax = within("attemptsMax", attempts, 1, 1000);
    return copy;
  }

  /**
   * How many keys of one slot may have failed messages; 10,000 by default. A slot at the limit is
   * held: it goes on trying what failed, but reads nothing more until some of these keys are done
   * with (handled, replayed or dropped). So a handler that fails for everything holds its
   * subscription up, rather than moving the whole log into the retry table.
   *
   * @return keys
   */
  public int failedKeysMax() {
    return failedKeysMax;
  }

  /**
   * Changes {@link #failedKeysMax()}.
   *
   * @param keys from 1 to 1,000,000
   * @return a changed copy
   */
  public MessagingConfig failedKeysMax(int keys) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.failedKeysMax = within("failedKeysMax", keys, 1, 1_000_000);
    return copy;
  }

  /**
   * The waits between attempts, also between attempts to reach a publisher; 200 ms to 1 min.
   *
   * @return the backoff
   */
  public Backoff backoff() {
    return backoff;
  }

  /**
   * Changes {@link #backoff()}.
   *
   * @param value the waits
   * @return a changed copy
   */
  public MessagingConfig backoff(Backoff value) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.backoff = requireNonNull(value, "backoff");
    return copy;
  }

  /**
   * How long a slot belongs to an instance that does not renew it; 3 s by default. A dead
   * instance's slots are taken over within this and one second more.
   *
   * @return the lease
   */
  public Duration lease() {
    return lease;
  }

  /**
   * Changes {@link #lease()}.
   *
   * @param value from 500 ms to 1 h
   * @return a changed copy
   */
  public MessagingConfig lease(Duration value) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.lease = within("lease", value, Duration.ofMillis(500), Duration.ofHours(1));
    return copy;
  }

  /**
   * How often loops look by themselves when nothing wakes them; 1 s by default.
   *
   * @return the interval
   */
  public Duration pollInterval() {
    return pollInterval;
  }

  /**
   * Changes {@link #pollInterval()}.
   *
   * @param value from 1 ms to 1 h
   * @return a changed copy
   */
  public MessagingConfig pollInterval(Duration value) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.pollInterval = within("pollInterval", value, Duration.ofMillis(1), Duration.ofHours(1));
    return copy;
  }

  /**
   * How long a message waits at most, after its commit, for others to be handed out with it: 25 ms
   * by default from 5,000 messages a second on, and in proportion less below; a message that comes
   * alone waits for nothing. Longer is slower, and cheaper where publishers are busy.
   *
   * @return the time
   */
  public Duration windowGapMax() {
    return windowGapMax;
  }

  /**
   * Changes {@link #windowGapMax()}.
   *
   * @param value from zero to 1 s
   * @return a changed copy
   */
  public MessagingConfig windowGapMax(Duration value) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.windowGapMax = within("windowGapMax", value, Duration.ZERO, Duration.ofSeconds(1));
    return copy;
  }

  /**
   * How long the log is kept at least, also when everybody has read it; 24 h by default.
   *
   * @return the time
   */
  public Duration retention() {
    return retention;
  }

  /**
   * Changes {@link #retention()}.
   *
   * @param value zero or more
   * @return a changed copy
   */
  public MessagingConfig retention(Duration value) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.retention = within("retention", value, Duration.ZERO, Duration.ofDays(36_500));
    return copy;
  }

  /**
   * How long the log is held at most for a subscriber that is silent, or lags; 7 days by default.
   * Past it the log may be dropped before the subscriber has read it, which is logged and counted.
   *
   * @return the time
   */
  public Duration subscriberHoldMax() {
    return subscriberHoldMax;
  }

  /**
   * Changes {@link #subscriberHoldMax()}.
   *
   * @param value from 1 s
   * @return a changed copy
   */
  public MessagingConfig subscriberHoldMax(Duration value) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.subscriberHoldMax =
        within("subscriberHoldMax", value, Duration.ofSeconds(1), Duration.ofDays(36_500));
    return copy;
  }

  /**
   * How many subscriptions one other service may have here, those included that it no longer reads
   * and nobody forgot; 100 by default. More are refused.
   *
   * @return subscriptions
   */
  public int subscriptionsPerSubscriberMax() {
    return subscriptionsPerSubscriberMax;
  }

  /**
   * Changes {@link #subscriptionsPerSubscriberMax()}.
   *
   * @param count from 1 to 10,000
   * @return a changed copy
   */
  public MessagingConfig subscriptionsPerSubscriberMax(int count) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.subscriptionsPerSubscriberMax = within("subscriptionsPerSubscriberMax", count, 1, 10_000);
    return copy;
  }

  /**
   * How many rows a partition of the log holds: the unit in which old rows are dropped; 1,000,000
   * by default.
   *
   * @return rows
   */
  public int partitionRows() {
    return partitionRows;
  }

  /**
   * Changes {@link #partitionRows()}; it counts for partitions made later.
   *
   * @param rows from 10
   * @return a changed copy
   */
  public MessagingConfig partitionRows(int rows) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.partitionRows = within("partitionRows", rows, 10, Integer.MAX_VALUE);
    return copy;
  }

  /**
   * How long the reply to a call under an idempotency key is kept at least; 24 h by default.
   *
   * @return the time
   */
  public Duration replyRetention() {
    return replyRetention;
  }

  /**
   * Changes {@link #replyRetention()}.
   *
   * @param value from 1 min
   * @return a changed copy
   */
  public MessagingConfig replyRetention(Duration value) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.replyRetention =
        within("replyRetention", value, Duration.ofMinutes(1), Duration.ofDays(36_500));
    return copy;
  }

  /**
   * The most bytes of a reply's body that is kept; 1 MiB by default. A larger one is an error of
   * the handler, and its effects are rolled back.
   *
   * @return bytes
   */
  public int replyBytesMax() {
    return replyBytesMax;
  }

  /**
   * Changes {@link #replyBytesMax()}.
   *
   * @param bytes from 1 to 16 MiB
   * @return a changed copy
   */
  public MessagingConfig replyBytesMax(int bytes) {
    MessagingConfig copy = new MessagingConfig(this);
    copy.replyBytesMax = within("replyBytesMax", bytes, 1, 16 << 20);
    return copy;
  }

  private static int within(String name, int value, int least, int most) {
    if (value < least || value > most) {
      throw new IllegalArgumentException(
          name + ": " + value + " (expected: " + least + ".." + most + ")");
    }
    return value;
  }

  private static Duration within(String name, Duration value, Duration least, Duration most) {
    if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
      throw new IllegalArgumentException(
          name + ": " + value + " (expected: " + least + ".." + most + ")");
    }
    return value;
  }
}
