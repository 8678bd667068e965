package dev.tenon.transport;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpObject;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.server.ServiceRequestContext;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;

/**
 * Answers requests without a look at their bodies, yet not before these have come: over HTTP/2 an
 * answer to a request that is still being sent ends with RST_STREAM, for which clients such as the
 * JDK's throw the answer away (RFC 9113 section 8.1 only says that they must not).
 */
final class EarlyAnswers {
  /** What is taken of a body that nobody reads; the answer to a larger one does not wait. */
  static final long BODY_BYTES_MAX = 64 << 10;

  /** How long a body may take to come that nobody reads; then the answer does not wait. */
  static final Duration BODY_TIMEOUT = Duration.ofSeconds(1);

  private static final String GRPC = "application/grpc";

  private EarlyAnswers() {}

  /**
   * The answer, when the body has come or broken a limit. A gRPC call is answered at once: its
   * messages may have no end before it has an answer, and its clients keep what came before a
   * reset.
   */
  static HttpResponse after(
      ServiceRequestContext context, HttpRequest request, HttpResponse answer) {
    String type = request.headers().get("content-type");
    if (type != null && type.startsWith(GRPC)) {
      request.abort();
      return answer;
    }
    Rest rest = new Rest();
    request.subscribe(rest, context.eventLoop());
    Future<?> limit =
        context.eventLoop().schedule(rest::leave, BODY_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    return HttpResponse.of(
        rest.end.thenApply(
            done -> {
              limit.cancel(false);
              return answer;
            }));
  }

  /** Takes a body and keeps nothing of it. On the request's event loop. */
  private static final class Rest implements Subscriber<HttpObject> {
    final CompletableFuture<@Nullable Void> end = new CompletableFuture<>();
    private @Nullable Subscription body;
    private long bytes;

    @Override
    public void onSubscribe(Subscription subscription) {
      body = subscription;
      subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(HttpObject part) {
      if (part instanceof HttpData data) {
        bytes += data.length();
        data.close();
        if (bytes > BODY_BYTES_MAX) {
          leave();
        }
      }
    }

    @Override
    public void onError(Throwable failure) {
      end.complete(null); // the peer went away, or sent too much: it is answered all the same
    }

    @Override
    public void onComplete() {
      end.complete(null);
    }

    void leave() {
      if (!end.isDone()) {
        if (body != null) {
          body.cancel();
        }
        end.complete(null);
      }
    }
  }
}
