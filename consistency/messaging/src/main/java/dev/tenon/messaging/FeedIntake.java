package dev.tenon.messaging;

import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedMessage;
import dev.tenon.messaging.spi.FeedStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Takes batches from a stream and joins those that came while the worker was busy, up to the limits
 * of one commit. Not thread-safe.
 */
final class FeedIntake {
  private final int messagesMax;
  private final long bytesMax;
  private @Nullable FeedBatch ahead;

  FeedIntake(MessagingConfig limits) {
    this.messagesMax = limits.batchMessagesMax();
    this.bytesMax = limits.batchBytesMax();
  }

  /** Forgets what was taken from a stream that is given up. */
  void forget() {
    ahead = null;
  }

  /** Takes the next batch, waiting for its first part only. */
  Optional<FeedBatch> next(FeedStream stream, Duration timeout) throws InterruptedException {
    FeedBatch kept = ahead;
    ahead = null;
    Optional<FeedBatch> first = kept == null ? stream.next(timeout) : Optional.of(kept);
    return first.isPresent() && joins(first.get())
        ? Optional.of(joined(first.get(), stream))
        : first;
  }

  /** A part that only moves the position, or is of a snapshot, stands for itself. */
  private static boolean joins(FeedBatch part) {
    return !part.messages().isEmpty() && part.end().snapshot().isEmpty();
  }

  private FeedBatch joined(FeedBatch first, FeedStream stream) {
    List<FeedMessage> messages = new ArrayList<>(first.messages());
    long bytes = bytes(first);
    FeedBatch last = first;
    while (messages.size() < messagesMax && bytes < bytesMax) {
      Optional<FeedBatch> more = stream.ready();
      if (more.isEmpty()) {
        break;
      }
      FeedBatch part = more.get();
      bytes += bytes(part);
      boolean over = messages.size() + part.messages().size() > messagesMax || bytes > bytesMax;
      if (over || !joins(part)) {
        ahead = part;
        break;
      }
      messages.addAll(part.messages());
      last = part;
    }
    return new FeedBatch(messages, last.end(), last.lag());
  }

  private static long bytes(FeedBatch batch) {
    long bytes = 0;
    for (FeedMessage message : batch.messages()) {
      bytes += message.message().payload().length;
    }
    return bytes;
  }
}
