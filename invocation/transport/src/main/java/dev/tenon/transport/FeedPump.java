package dev.tenon.transport;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpResponseWriter;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedStream;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries one stream from its source to its reader, on a thread of its own. It asks the source for
 * a batch only when the one before has gone to the network, so a reader that takes nothing costs
 * one frame of memory and no work.
 *
 * <p>A source that takes long over a batch, as over a large page of a snapshot, is waited for: the
 * reader gets heartbeats meanwhile, for {@link #BATCH_TIME_MAX} at most, and then the reason.
 */
final class FeedPump implements Runnable {
  static final MediaType MEDIA_TYPE = MediaType.create("application", "vnd.tenon.feed");
  static final String HEARTBEAT_HEADER = "tenon-heartbeat-millis";

  /** How long a source may take over one batch. */
  static final Duration BATCH_TIME_MAX = Duration.ofMinutes(10);

  private static final long NOT_ASKED = Long.MIN_VALUE;
  private static final Logger log = LoggerFactory.getLogger(FeedPump.class);

  private final String name;
  private final FeedStream stream;
  private final Duration heartbeat;
  private final int frameBytesMax;
  private final HttpResponseWriter writer = HttpResponse.streaming();
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();
  private final Duration batchTimeMax;
  private volatile long askedNanos = NOT_ASKED; // since when the source is asked for a batch

  FeedPump(
      String name,
      FeedStream stream,
      Duration heartbeat,
      int frameBytesMax,
      Duration batchTimeMax) {
    this.batchTimeMax = batchTimeMax;
    this.name = name;
    this.stream = stream;
    this.heartbeat = heartbeat;
    this.frameBytesMax = frameBytesMax;
  }

  /** Starts it; {@code atEnd} runs when the stream is closed and nothing more will be written. */
  HttpResponse start(ThreadFactory threads, ScheduledExecutorService timer, Runnable atEnd) {
    // The reader may be gone while the pump waits for the source; closing may take its time.
    var watch =
        writer
            .whenComplete()
            .whenComplete((nothing, failure) -> threads.newThread(this::stop).start());
    long often = Math.max(1, heartbeat.toNanos() / 2);
    var beat = timer.scheduleAtFixedRate(this::beat, often, often, TimeUnit.NANOSECONDS);
    threads
        .newThread(
            () -> {
              try {
                run();
              } finally {
                beat.cancel(false);
                watch.cancel(false);
                atEnd.run();
              }
            })
        .start();
    return writer;
  }

  /** Ends the response after the frame that is being written. Safe to repeat. */
  void stop() {
    if (stopped.complete(null)) {
      stream.close();
    }
  }

  @Override
  public void run() {
    try (stream) {
      writer.write(
          ResponseHeaders.builder(200)
              .contentType(MEDIA_TYPE)
              .set("cache-control", "no-store")
              .setLong(HEARTBEAT_HEADER, heartbeat.toMillis())
              .build());
      pump();
    } finally {
      writer.close();
    }
  }

  private void pump() {
    try {
      while (wanted()) {
        Optional<FeedBatch> batch = ask();
        HttpData frame =
            batch.isPresent()
                ? FrameCodec.encode(batch.get(), frameBytesMax)
                : FrameCodec.heartbeat();
        if (!writer.tryWrite(frame)) {
          return;
        }
      }
    } catch (FeedException e) {
      if (!stopped.isDone()) {
        log.info("A feed ended [feed={}, reason={}]", name, e.getMessage());
        end(Problems.of(e));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      if (!stopped.isDone()) {
        log.warn("A feed broke [feed={}]", name, e);
        end(Problems.unreachable("Could not read the log: its service's own log says why."));
      }
    }
  }

  private Optional<FeedBatch> ask() throws InterruptedException {
    askedNanos = System.nanoTime();
    try {
      return stream.next(heartbeat);
    } finally {
      askedNanos = NOT_ASKED;
    }
  }

  /** Shows life while the source is at it for longer than it was given. Runs on the timer. */
  private void beat() {
    long since = askedNanos;
    if (since == NOT_ASKED || stopped.isDone() || !writer.whenConsumed().isDone()) {
      return;
    }
    long nanos = System.nanoTime() - since;
    if (nanos > batchTimeMax.toNanos()) {
      String reason =
          "Could not read on: the next piece took longer than %d ms. Read smaller or faster pages."
              .formatted(batchTimeMax.toMillis());
      log.warn("A feed is ended [feed={}, reason={}]", name, reason);
      end(Problems.unreachable(reason));
      writer.close();
    } else if (nanos > heartbeat.toNanos() * 5 / 4 && !writer.tryWrite(FrameCodec.heartbeat())) {
      log.debug("A feed's reader left while it waited [feed={}]", name);
    }
  }

  private void end(Problem problem) {
    boolean written = writer.tryWrite(FrameCodec.encode(problem));
    if (!written) {
      log.debug("A feed's reader left before it was told why [feed={}]", name);
    }
  }

  /** Waits until what was written has gone to the network. */
  private boolean wanted() {
    CompletableFuture<Void> consumed = writer.whenConsumed();
    if (!consumed.isDone()) {
      try {
        CompletableFuture.anyOf(consumed, stopped).join();
      } catch (CompletionException e) {
        return false; // the reader is gone
      }
    }
    return !stopped.isDone() && !consumed.isCompletedExceptionally();
  }
}
