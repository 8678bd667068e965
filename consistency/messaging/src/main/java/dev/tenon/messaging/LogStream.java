package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedMessage;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedStream;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads the log for one slot of one subscriber, from the shared cache. Where nothing is for the
 * slot it tells its progress at the end of the wait, so that the subscriber's cursor moves on.
 */
final class LogStream implements FeedStream {
  /** Messages looked at for a batch that holds some already. */
  private static final int SEARCHED_PER_BATCH_MAX = ChunkCache.CHUNK_MESSAGES_MAX;

  private final ChunkCache cache;
  private final LogTail tail;
  private final FeedRequest request;
  private final int messagesMax;
  private final long bytesMax;
  private Cursor position;
  private @Nullable Cursor told;
  private OutboxLog.Chunk chunk;
  private int next;
  private volatile boolean closed;

  /** Reads on from a place that the reader knows already. */
  static LogStream from(
      ChunkCache cache, LogTail tail, FeedRequest request, Cursor known, MessagingConfig limits) {
    LogStream stream = new LogStream(cache, tail, request, known, limits);
    stream.told = known;
    return stream;
  }

  /**
   * Reads on from a place that the reader does not know yet: an empty batch tells it first, so that
   * the reader can hold on to it before anything happens.
   */
  LogStream(
      ChunkCache cache,
      LogTail tail,
      FeedRequest request,
      Cursor position,
      MessagingConfig limits) {
    this.cache = cache;
    this.tail = tail;
    this.request = request;
    this.position = position;
    this.messagesMax = limits.batchMessagesMax();
    this.bytesMax = limits.batchBytesMax();
    this.chunk = new OutboxLog.Chunk(List.of(), position, 0, 0);
  }

  @Override
  public Optional<FeedBatch> next(Duration timeout) throws InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    List<FeedMessage> messages = new ArrayList<>();
    while (true) {
      if (closed) {
        throw new FeedException(FeedException.Reason.CLOSED, "The stream is closed.");
      }
      long seen = tail.version();
      if (told == null) {
        return Optional.of(tell(messages));
      }
      boolean atEnd;
      try {
        atEnd = fill(messages, deadline);
      } catch (FeedException e) {
        if (messages.isEmpty()) {
          throw e;
        }
        return Optional.of(tell(messages)); // if it lasts, the next read says so
      }
      if (!messages.isEmpty()) {
        return Optional.of(tell(messages));
      }
      long left = deadline - System.nanoTime();
      if (atEnd && left > 0) {
        tail.awaitSince(seen, Duration.ofNanos(left));
      }
      if (left <= 0) {
        return position.equals(told) ? Optional.empty() : Optional.of(tell(messages));
      }
    }
  }

  private FeedBatch tell(List<FeedMessage> messages) {
    told = position;
    return new FeedBatch(messages, position, chunk.lag() + chunk.rows().size() - next);
  }

  /**
   * Takes what fits into a batch; says whether the log's end was reached. Where little of the log
   * is for this reader, it does not search on for a full batch, nor past the deadline.
   */
  private boolean fill(List<FeedMessage> messages, long deadline) {
    long bytes = 0;
    long searched = 0;
    while (messages.size() < messagesMax) {
      if (next == chunk.rows().size()) {
        position = chunk.end();
        boolean enough =
            closed
                || (!messages.isEmpty() && (searched >= SEARCHED_PER_BATCH_MAX || !moreAtHand()))
                || (searched > 0 && System.nanoTime() - deadline > 0);
        if (enough) {
          return false;
        }
        if (!advance()) {
          return true;
        }
        searched += Math.max(1, chunk.rows().size());
        continue;
      }
      OutboxLog.Row row = chunk.rows().get(next);
      if (wanted(row.message())) {
        bytes += row.message().payload().length;
        if (bytes > bytesMax && !messages.isEmpty()) {
          return false;
        }
        messages.add(new FeedMessage(SnapshotWindowLog.cursorAt(row), row.message()));
      }
      next++;
      position = next == chunk.rows().size() ? chunk.end() : SnapshotWindowLog.cursorAt(row);
    }
    return false;
  }

  /**
   * Whether the log goes on here for sure: what has just been committed makes a batch of its own.
   */
  private boolean moreAtHand() {
    return chunk.lag() > 0 || cache.holds(position);
  }

  private boolean wanted(Message message) {
    return request.topics().contains(message.topic())
        && HashSlots.contains(request.slot(), message);
  }

  private boolean advance() {
    try {
      OutboxLog.Chunk more = cache.read(position);
      next = 0;
      chunk = more;
      return !more.end().equals(position);
    } catch (SQLException e) {
      throw new FeedException(
          FeedException.Reason.UNREACHABLE,
          "Could not read the log [service="
              + request.publisher()
              + "]: "
              + e.getMessage()
              + ". Open the stream again.",
          e);
    }
  }

  @Override
  public void close() {
    closed = true;
    tail.grew();
  }
}
