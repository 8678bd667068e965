package dev.tenon.transport;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpObject;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.util.Exceptions;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.spi.FeedBatch;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.transport.FrameCodec.Frame;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;

/**
 * The reader's end of a feed over HTTP. Frames are received ahead of the one that the reader has,
 * as long as those that wait are smaller than {@value #AHEAD_BYTES_MAX} bytes together; after that
 * nothing is asked of the network until the reader takes one.
 */
final class HttpFeedStream implements FeedStream, Subscriber<HttpObject> {
  /** A stream that is silent for this many heartbeats is broken. */
  static final int HEARTBEATS_MISSED_MAX = 3;

  /** The publisher sends small frames while its reader is slow; it gets them together. */
  static final int AHEAD_BYTES_MAX = 256 << 10;

  private static final long HEARTBEAT_MILLIS_MAX = 60_000;
  private static final int PROBLEM_BYTES_MAX = 64 << 10;

  private final String name;
  private final HttpResponse response;
  private final FrameAssembler assembler; // used by the event loop only
  private final ByteArrayOutputStream problem = new ByteArrayOutputStream(); // likewise

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  // Guarded by the lock. The frames that one piece of the network holds beyond the first wait, too.
  private final Queue<Frame> frames = new ArrayDeque<>();
  private @Nullable Subscription subscription;
  private @Nullable ResponseHeaders headers;
  private @Nullable FeedException end;
  private long framesBytes;
  private boolean asked;
  private long heardNanos;
  private long silenceNanosMax;

  HttpFeedStream(String name, HttpResponse response, int frameBytesMax) {
    this.name = name;
    this.response = response;
    this.assembler = new FrameAssembler(frameBytesMax);
  }

  /** Waits for the publisher's yes. */
  void awaitOpen(Duration timeout) throws InterruptedException {
    long nanosLeft = timeout.toNanos();
    lock.lockInterruptibly();
    try {
      while (!isOpen() && end == null) {
        if (nanosLeft <= 0) {
          String reason = "no answer within " + timeout.toMillis() + " ms";
          end = broken(reason, new TimeoutException(reason));
          break;
        }
        nanosLeft = changed.awaitNanos(nanosLeft);
      }
      // One that is open and has ended already may have left frames, which tell more.
      if (end != null && !isOpen()) {
        throw end;
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Optional<FeedBatch> next(Duration timeout) throws InterruptedException {
    return decode(take(timeout.toNanos()));
  }

  @Override
  public Optional<FeedBatch> ready() {
    try {
      return decode(remove());
    } catch (FeedException e) {
      return Optional.empty(); // what came before is applied first; the next call tells
    }
  }

  private Optional<FeedBatch> decode(@Nullable Frame frame) {
    if (frame == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(FrameCodec.decode(frame));
    } catch (FeedException e) {
      breakOff(e);
      throw e;
    }
  }

  /** Takes nothing that follows a frame that tells of the end, or cannot be read. */
  private void breakOff(FeedException reason) {
    lock.lock();
    try {
      end = closedHere() ? end : reason;
      frames.clear();
      framesBytes = 0;
    } finally {
      lock.unlock();
    }
    response.abort();
  }

  private @Nullable Frame take(long timeoutNanos) throws InterruptedException {
    long deadline = System.nanoTime() + timeoutNanos;
    lock.lockInterruptibly();
    try {
      while (frames.isEmpty() || closedHere()) {
        if (end != null) {
          throw end;
        }
        long now = System.nanoTime();
        long silenceLeft = heardNanos + silenceNanosMax - now;
        if (silenceLeft <= 0) {
          end = broken("silent for " + HEARTBEATS_MISSED_MAX + " heartbeats", null);
          response.abort();
          throw end;
        }
        if (deadline - now <= 0) {
          return null;
        }
        long unused = changed.awaitNanos(Math.min(deadline - now, silenceLeft));
      }
    } finally {
      lock.unlock();
    }
    return remove();
  }

  /** Removes the first frame, if there is one, and asks for more when there is room. */
  private @Nullable Frame remove() {
    boolean ask = false;
    lock.lock();
    try {
      Frame frame = frames.poll();
      framesBytes -= frame == null ? 0 : frame.bytes();
      if (framesBytes < AHEAD_BYTES_MAX && !asked && end == null) {
        ask = true;
        asked = true;
        heardNanos = System.nanoTime();
      }
      return frame;
    } finally {
      Subscription feed = subscription;
      lock.unlock();
      if (ask && feed != null) {
        feed.request(1);
      }
    }
  }

  private boolean closedHere() {
    return end != null && end.reason() == Reason.CLOSED;
  }

  @Override
  public void close() {
    finish(
        new FeedException(
            Reason.CLOSED, "Could not read the feed [" + name + "]: it was closed here."));
    response.abort();
  }

  @Override
  public void onSubscribe(Subscription given) {
    lock.lock();
    try {
      subscription = given;
      asked = true;
    } finally {
      lock.unlock();
    }
    given.request(1);
  }

  @Override
  public void onNext(HttpObject object) {
    boolean more = true;
    try {
      switch (object) {
        case ResponseHeaders received -> accept(received);
        case HttpData data -> {
          try (data) {
            more = accept(data);
          }
        }
        default -> heard(); // trailers say nothing
      }
    } catch (FeedException e) {
      finish(e);
      response.abort();
      return;
    }
    Subscription feed = subscription;
    if (more && feed != null) {
      feed.request(1);
    }
  }

  private void heard() {
    lock.lock();
    try {
      heardNanos = System.nanoTime();
    } finally {
      lock.unlock();
    }
  }

  private void accept(ResponseHeaders received) {
    if (received.status().isInformational()) {
      return;
    }
    long heartbeat =
        Math.clamp(received.getLong(FeedPump.HEARTBEAT_HEADER, 5000), 1, HEARTBEAT_MILLIS_MAX);
    lock.lock();
    try {
      headers = received;
      silenceNanosMax = TimeUnit.MILLISECONDS.toNanos(heartbeat * HEARTBEATS_MISSED_MAX);
      heardNanos = System.nanoTime();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether to ask for more at once. */
  private boolean accept(HttpData data) {
    if (!isOpen()) {
      if (problem.size() + data.length() <= PROBLEM_BYTES_MAX) {
        problem.writeBytes(data.array());
      }
      return true;
    }
    var complete = assembler.accept(data.byteBuf());
    lock.lock();
    try {
      if (end != null) {
        return false;
      }
      heardNanos = System.nanoTime();
      for (Frame frame : complete) {
        frames.add(frame);
        framesBytes += frame.bytes();
      }
      asked = framesBytes < AHEAD_BYTES_MAX;
      if (!complete.isEmpty()) {
        changed.signalAll();
      }
      return asked;
    } finally {
      lock.unlock();
    }
  }

  private boolean isOpen() {
    ResponseHeaders received = headers;
    return received != null && received.status().code() == 200;
  }

  @Override
  public void onError(Throwable failure) {
    finish(
        ClientTls.explain(failure)
            .map(
                told ->
                    new FeedException(
                        Reason.UNREACHABLE,
                        "Could not open a feed [%s]: %s".formatted(name, told),
                        failure))
            .orElseGet(() -> broken(reasonOf(failure), failure)));
  }

  @Override
  public void onComplete() {
    ResponseHeaders received = headers;
    if (received == null) {
      finish(broken("the publisher ended it without an answer", null));
    } else if (isOpen()) {
      finish(
          broken(
              assembler.midway()
                  ? "it ended within a frame"
                  : "the publisher ended it, as it does when it stops",
              null));
    } else {
      Problem told = Problem.read(received.status().code(), problem.toByteArray());
      finish(new FeedException(Problems.feedReason(told), told.detail()));
    }
  }

  private void finish(FeedException reason) {
    lock.lock();
    try {
      if (end == null) {
        end = reason;
      } else if (reason.reason() == Reason.CLOSED) {
        frames.clear();
        framesBytes = 0;
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private FeedException broken(String reason, @Nullable Throwable cause) {
    String message =
        "Could not read the feed [%s]: %s. Open it again after the last cursor."
            .formatted(name, reason);
    return cause == null
        ? new FeedException(Reason.UNREACHABLE, message)
        : new FeedException(Reason.UNREACHABLE, message, cause);
  }

  /** What went wrong below, in a few words. */
  static String reasonOf(Throwable failure) {
    Throwable cause = Exceptions.peel(failure);
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    String message = cause.getMessage();
    return message == null || message.isBlank() ? cause.getClass().getSimpleName() : message;
  }
}
