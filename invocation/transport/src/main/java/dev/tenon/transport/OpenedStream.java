package dev.tenon.transport;

import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import dev.tenon.invocation.CallException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * A stream to a service.
 *
 * @param answer the answer, as it is read; fails with a {@link CallException} if there is none
 * @param failure completes when the stream is over, with the failure of its call, if it failed: for
 *     those who still write the request when it breaks off, and hear of it before the answer fails.
 *     Empty also if the caller gave the stream up. Completes on a thread that must not be blocked
 */
public record OpenedStream(
    HttpResponse answer, CompletableFuture<Optional<CallException>> failure) {

  static OpenedStream failed(HttpRequest request, CallException failure) {
    request.abort(failure);
    return new OpenedStream(
        HttpResponse.ofFailure(failure), CompletableFuture.completedFuture(Optional.of(failure)));
  }
}
