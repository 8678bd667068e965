package dev.tenon.messaging.spi;

import java.time.Duration;
import java.util.Optional;

/**
 * An open feed. The reader takes a batch when it is ready for one; what it does not take waits at
 * the publisher. Used by one thread at a time, but {@link #close} may come from another.
 */
public interface FeedStream extends AutoCloseable {

  /**
   * Takes the next batch.
   *
   * @param timeout how long to wait for one
   * @return a batch, or empty when the time ran out
   * @throws FeedException if the stream is broken; open another from the last cursor
   * @throws InterruptedException if the waiting thread is interrupted
   */
  Optional<FeedBatch> next(Duration timeout) throws InterruptedException;

  /**
   * Takes the next batch if it has arrived already. A transport that receives ahead of its reader
   * tells here, so that a reader that was busy applies what came meanwhile in one commit.
   *
   * @return a batch, or empty when none is here: the log may go on nevertheless, and a broken
   *     stream is told by {@link #next}
   */
  default Optional<FeedBatch> ready() {
    return Optional.empty();
  }

  /** Ends the stream; a waiting reader gets a {@link FeedException}. Safe to repeat. */
  @Override
  void close();
}
