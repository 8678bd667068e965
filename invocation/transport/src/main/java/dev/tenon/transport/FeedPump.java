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
import java.util.concurrent.ThreadFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries one stream from its source to its reader, on a thread of its own. It asks the source for
 * a batch only when the one before has gone to the network, so a reader that takes nothing costs
 * one frame of memory and no work.
 */
final class FeedPump implements Runnable {
  static final MediaType MEDIA_TYPE = MediaType.create("application", "vnd.tenon.feed");
  static final String HEARTBEAT_HEADER = "tenon-heartbeat-millis";

  private static final Logger log = LoggerFactory.getLogger(FeedPump.class);

  private final String name;
  private final FeedStream stream;
  private final Duration heartbeat;
  private final int frameBytesMax;
  private final HttpResponseWriter writer = HttpResponse.streaming();
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();

  FeedPump(String name, FeedStream stream, Duration heartbeat, int frameBytesMax) {
    this.name = name;
    this.stream = stream;
    this.heartbeat = heartbeat;
    this.frameBytesMax = frameBytesMax;
  }

  /** Starts it; {@code atEnd} runs when the stream is closed and nothing more will be written. */
  HttpResponse start(ThreadFactory threads, Runnable atEnd) {
    // The reader may be gone while the pump waits for the source; closing may take its time.
    var watch =
        writer
            .whenComplete()
            .whenComplete((nothing, failure) -> threads.newThread(this::stop).start());
    threads
        .newThread(
            () -> {
              try {
                run();
              } finally {
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
        Optional<FeedBatch> batch = stream.next(heartbeat);
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
