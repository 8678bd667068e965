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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** Carries out a call that is a stream: one attempt, judged by how the stream ended. */
final class StreamRun {
  private static final int OK = 200;
  private final Call call;
  private final AtomicInteger status = new AtomicInteger(OK);

  StreamRun(Call call) {
    this.call = call;
  }

  HttpResponse open(Function<Step.Send, HttpResponse> sender, HttpRequest request) {
    return switch (call.next()) {
      case Step.Send send -> watched(sender.apply(send));
      case Step.Fail fail -> {
        request.abort(fail.failure());
        yield HttpResponse.ofFailure(fail.failure());
      }
      case Step.Wait wait -> throw new IllegalStateException("step: " + wait);
      case Step.Deliver deliver -> throw new IllegalStateException("step: " + deliver);
    };
  }

  private HttpResponse watched(HttpResponse response) {
    HttpResponse watched = HttpResponse.of(response.peek(this::note).mapError(this::failure));
    var unused =
        watched
            .whenComplete()
            .handle(
                (done, failure) -> {
                  if (failure == null) {
                    var unusedStep = call.ended(new Result.Answered(status.get()));
                  } else {
                    call.abandon();
                  }
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

  private Throwable failure(Throwable cause) {
    if (cause instanceof CancelledSubscriptionException
        || cause instanceof AbortedStreamException) {
      call.abandon(); // the caller wants no more of it
      return cause;
    }
    return call.ended(CallResults.of(cause)) instanceof Step.Fail fail ? fail.failure() : cause;
  }
}
