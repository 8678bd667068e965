package dev.tenon.transport;

import com.linecorp.armeria.common.AggregatedHttpRequest;
import com.linecorp.armeria.common.ContentTooLargeException;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.util.Exceptions;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedSource;
import dev.tenon.messaging.spi.FeedStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the Tenon port answers. A request is read on an event loop and answered on a thread of its
 * own; the number of both requests and streams is limited.
 */
final class FeedEndpoints {
  static final String FEED = "/tenon/v1/feed";
  static final String REPORT = "/tenon/v1/feed/report";
  static final String WAKE = "/tenon/v1/feed/wake";
  static final String HEALTH = "/tenon/v1/health";

  /** The most requests that are being answered; streams that are open do not count. */
  static final int CALLS_MAX = 256;

  private static final Logger log = LoggerFactory.getLogger(FeedEndpoints.class);

  private final ServiceIdentity identity;
  private final Limits limits;
  private final ThreadFactory threads;
  private final Semaphore calls = new Semaphore(CALLS_MAX);
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, Integer> streamsBySubscriber = new HashMap<>();
  private final Map<FeedPump, ServiceRequestContext> pumps = new HashMap<>();
  private int streams;
  private boolean draining;
  private volatile @Nullable FeedSource source;

  /** The limits of streams. */
  record Limits(
      Duration heartbeat,
      Duration batchTimeMax,
      int frameBytesMax,
      int streamsMax,
      int streamsPerSubscriberMax,
      int requestBytesMax) {}

  /** Answers a request whose sender is known. */
  private interface Endpoint {
    HttpResponse answer(
        ServiceRequestContext context, FeedSource source, String caller, byte[] body);
  }

  FeedEndpoints(ServiceIdentity identity, Limits limits, ThreadFactory threads) {
    this.identity = identity;
    this.limits = limits;
    this.threads = threads;
  }

  void serve(FeedSource newSource) {
    if (!newSource.service().equals(identity.service())) {
      throw new IllegalArgumentException(
          "source: of service %s (expected: of %s)"
              .formatted(newSource.service(), identity.service()));
    }
    source = newSource;
  }

  HttpService feed() {
    return endpoint(this::openFeed);
  }

  HttpService report() {
    return endpoint(
        (context, feed, caller, body) -> {
          FeedReport report = Requests.readReport(body);
          checkPeers(report.publisher(), report.subscriber(), caller);
          feed.report(report);
          return HttpResponse.of(HttpStatus.NO_CONTENT);
        });
  }

  HttpService wake() {
    return endpoint(
        (context, feed, caller, body) -> {
          if (!caller.equals(identity.service())) {
            throw new ProblemException(
                Problems.forbidden(
                    "Could not wake [service=%s, caller=%s]: only its own instances may."
                        .formatted(identity.service(), caller)));
          }
          feed.wake();
          return HttpResponse.of(HttpStatus.NO_CONTENT);
        });
  }

  static HttpService health(BooleanSupplier serving) {
    return (context, request) -> {
      boolean up = serving.getAsBoolean();
      return HttpResponse.of(
          up ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE,
          MediaType.JSON,
          up ? "{\"status\":\"UP\"}" : "{\"status\":\"OUT_OF_SERVICE\"}");
    };
  }

  /**
   * Takes no more streams, ends those that are open, each after the frame being written, and tells
   * their clients to use another connection.
   */
  void drain() {
    Map<FeedPump, ServiceRequestContext> open;
    lock.lock();
    try {
      draining = true;
      open = Map.copyOf(pumps);
    } finally {
      lock.unlock();
    }
    open.forEach(
        (pump, context) -> {
          sendAway(context);
          threads.newThread(pump::stop).start();
        });
  }

  private static void sendAway(ServiceRequestContext context) {
    var unused = context.initiateConnectionShutdown();
  }

  private HttpService endpoint(Endpoint endpoint) {
    return (context, request) -> {
      String caller;
      try {
        caller = identity.caller(context, request.headers());
      } catch (ProblemException e) {
        request.abort(); // nothing is kept of what a stranger sends
        return Problems.response(e.problem()).toHttpResponse();
      }
      CompletableFuture<HttpResponse> answer = new CompletableFuture<>();
      var unused =
          request
              .aggregate()
              .handle((body, failure) -> begin(endpoint, context, caller, body, failure, answer));
      return HttpResponse.of(answer);
    };
  }

  private @Nullable Void begin(
      Endpoint endpoint,
      ServiceRequestContext context,
      String caller,
      @Nullable AggregatedHttpRequest request,
      @Nullable Throwable failure,
      CompletableFuture<HttpResponse> answer) {
    if (request == null) {
      answer.complete(Problems.response(problemOf(failure)).toHttpResponse());
    } else if (!calls.tryAcquire()) {
      answer.complete(Problems.response(unable("too many requests at once")).toHttpResponse());
    } else {
      threads
          .newThread(
              () -> {
                try {
                  answer.complete(answer(endpoint, context, caller, request));
                } finally {
                  calls.release();
                }
              })
          .start();
    }
    return null;
  }

  private HttpResponse answer(
      Endpoint endpoint,
      ServiceRequestContext context,
      String caller,
      AggregatedHttpRequest request) {
    try {
      FeedSource feed = source;
      if (isDraining()) {
        sendAway(context);
        throw new ProblemException(unable("it is stopping"));
      }
      if (feed == null) {
        throw new ProblemException(unable("it is starting"));
      }
      return endpoint.answer(context, feed, caller, request.content().array());
    } catch (ProblemException e) {
      return Problems.response(e.problem()).toHttpResponse();
    } catch (FeedException e) {
      return Problems.response(Problems.of(e)).toHttpResponse();
    } catch (RuntimeException e) {
      log.warn("Could not answer [path={}]", request.path(), e);
      return Problems.response(unable("it failed; its own log says why")).toHttpResponse();
    }
  }

  private HttpResponse openFeed(
      ServiceRequestContext context, FeedSource feed, String caller, byte[] body) {
    FeedRequest request = Requests.readFeedRequest(body);
    checkPeers(request.publisher(), request.subscriber(), caller);
    takeStream(caller);
    boolean started = false;
    try {
      FeedStream stream = feed.open(request);
      FeedPump pump =
          new FeedPump(
              "%s/%s/%d".formatted(caller, request.subscription(), request.slot().index()),
              stream,
              limits.heartbeat(),
              limits.frameBytesMax(),
              limits.batchTimeMax());
      context.clearRequestTimeout();
      add(pump, context);
      started = true;
      return pump.start(threads, context.eventLoop(), () -> remove(pump, caller));
    } finally {
      if (!started) {
        giveStream(caller);
      }
    }
  }

  private void checkPeers(String publisher, String subscriber, String caller) {
    if (!publisher.equals(identity.service())) {
      throw new ProblemException(
          Problems.invalid(
              "publisher: %s (expected: %s, which is the service at this address)"
                  .formatted(publisher, identity.service())));
    }
    if (!subscriber.equals(caller)) {
      throw new ProblemException(
          Problems.forbidden(
              ("Could not read for another service [subscriber=%s, caller=%s]:"
                      + " a service reads and reports for itself only.")
                  .formatted(subscriber, caller)));
    }
  }

  private void takeStream(String subscriber) {
    lock.lock();
    try {
      int own = streamsBySubscriber.getOrDefault(subscriber, 0);
      if (streams >= limits.streamsMax() || own >= limits.streamsPerSubscriberMax()) {
        throw new ProblemException(
            unable(
                "too many streams are open: %d of %d, of %s %d of %d"
                    .formatted(
                        streams,
                        limits.streamsMax(),
                        subscriber,
                        own,
                        limits.streamsPerSubscriberMax())));
      }
      streams++;
      streamsBySubscriber.put(subscriber, own + 1);
    } finally {
      lock.unlock();
    }
  }

  private void giveStream(String subscriber) {
    lock.lock();
    try {
      streams--;
      streamsBySubscriber.computeIfPresent(
          subscriber, (name, count) -> count == 1 ? null : count - 1);
    } finally {
      lock.unlock();
    }
  }

  private void add(FeedPump pump, ServiceRequestContext context) {
    lock.lock();
    try {
      pumps.put(pump, context);
      if (draining) {
        pump.stop();
      }
    } finally {
      lock.unlock();
    }
  }

  private void remove(FeedPump pump, String subscriber) {
    lock.lock();
    try {
      pumps.remove(pump);
    } finally {
      lock.unlock();
    }
    giveStream(subscriber);
  }

  private boolean isDraining() {
    lock.lock();
    try {
      return draining;
    } finally {
      lock.unlock();
    }
  }

  private Problem unable(String reason) {
    return Problems.unreachable(
        "Could not serve the feed [service=%s]: %s. Try again later."
            .formatted(identity.service(), reason));
  }

  private Problem problemOf(@Nullable Throwable failure) {
    if (failure != null && Exceptions.peel(failure) instanceof ContentTooLargeException) {
      return Problem.of(
          413,
          Problems.TOO_LARGE,
          "body: too large (expected: at most " + limits.requestBytesMax() + " bytes)");
    }
    return Problems.invalid("body: it could not be read to its end");
  }
}
