package dev.tenon.transport;

import com.linecorp.armeria.common.HttpObject;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.stream.AbortedStreamException;
import com.linecorp.armeria.common.stream.CancelledSubscriptionException;
import dev.tenon.invocation.Call;
import dev.tenon.invocation.Call.Result;
import dev.tenon.invocation.Call.Step;
import dev.tenon.invocation.CallException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Carries out a call that is a stream: one attempt, judged by how the stream ended. */
final class StreamRun {
  private static final int OK = 200;
  private final Call call;
  private final HttpRequest request;
  private final AtomicInteger status = new AtomicInteger(OK);
  private final CompletableFuture<Optional<CallException>> failure = new CompletableFuture<>();

  StreamRun(Call call, HttpRequest request) {
    this.call = call;
    this.request = request;
  }

  OpenedStream open(Function<Step.Send, HttpResponse> sender) {
    return switch (call.next()) {
      case Step.Send send -> new OpenedStream(watched(sender.apply(send)), failure);
      case Step.Fail fail -> OpenedStream.failed(request, fail.failure());
      case Step.Wait wait -> throw new IllegalStateException("step: " + wait);
      case Step.Deliver deliver -> throw new IllegalStateException("step: " + deliver);
    };
  }

  private HttpResponse watched(HttpResponse response) {
    HttpResponse watched = HttpResponse.of(response.peek(this::note).mapError(this::judged));
    var unused =
        watched
            .whenComplete()
            .handle(
                (done, why) -> {
                  over(why);
                  return null;
                });
    return watched;
  }

  private void note(HttpObject part) {
    if (part instanceof ResponseHeaders headers) {
      status.set(headers.status().code());
      if (headers.status().isSuccess()) {
        call.answering();
      }
    }
  }

  private Throwable judged(Throwable why) {
    return why instanceof CancelledSubscriptionException || why instanceof AbortedStreamException
        ? why // of what broke the request off, the request tells
        : call.ended(CallResults.of(why)) instanceof Step.Fail fail ? fail.failure() : why;
  }

  private void over(@Nullable Throwable why) {
    if (why == null) {
      var unused = call.ended(new Result.Answered(status.get()));
      failure.complete(Optional.empty());
    } else if (why instanceof CallException e) {
      failure.complete(Optional.of(e));
    } else {
      request.abort(); // of no effect on a request that is over, or was broken off
      var unused =
          request
              .whenComplete()
              .handle(
                  (done, broken) -> {
                    failure.complete(brokenOff(broken));
                    return null;
                  });
    }
  }

  /**
   * The one who reads the answer turned away: on its own, or because the request had broken off
   * while it was being written.
   */
  private Optional<CallException> brokenOff(@Nullable Throwable why) {
    if (CallResults.isOfTransport(why)
        && call.ended(CallResults.of(why)) instanceof Step.Fail fail) {
      return Optional.of(fail.failure());
    }
    call.abandon();
    return Optional.empty();
  }
}
