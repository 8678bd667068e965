package dev.tenon.transport;

import static java.util.Objects.requireNonNullElse;

import com.linecorp.armeria.client.GoAwayReceivedException;
import com.linecorp.armeria.client.RefusedStreamException;
import com.linecorp.armeria.client.ResponseTimeoutException;
import com.linecorp.armeria.client.UnprocessedRequestException;
import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.ClosedSessionException;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import dev.tenon.invocation.Call.Result;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.Problem;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** What the client library says, in the words of a call. */
final class CallResults {
  private static final int SERVER_ERROR = 500;

  private CallResults() {}

  /** What an attempt without an answer amounts to. */
  static Result of(@Nullable Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return switch (cause) {
      case null -> new Result.Broken(new TransportException("no answer"));
      case ResponseTimeoutException e -> new Result.TimedOut();
      case RefusedStreamException e -> new Result.Refused("it refused the stream");
      case UnprocessedRequestException e -> unprocessed(requireNonNullElse(e.getCause(), e));
      default -> new Result.Broken(readable(cause));
    };
  }

  private static Result unprocessed(Throwable cause) {
    return switch (cause) {
      case GoAwayReceivedException e -> new Result.Refused("it is closing the connection");
      case RefusedStreamException e -> new Result.Refused("it refused the stream");
      case TransportException e -> new Result.Refused(String.valueOf(e.getMessage()));
      default -> new Result.NotConnected(readable(cause));
    };
  }

  /** Whether a request was broken off by the way it took, and not by the caller who wrote it. */
  static boolean isOfTransport(@Nullable Throwable failure) {
    return failure instanceof UnprocessedRequestException
        || failure instanceof ClosedSessionException
        || failure instanceof ResponseTimeoutException;
  }

  /** What an answer of HTTP amounts to. */
  static Result ofAnswer(AggregatedHttpResponse response) {
    int status = response.status().code();
    MediaType type = response.contentType();
    boolean told =
        status >= SERVER_ERROR
            && type != null
            && type.nameWithoutParameters().equals(Problem.MEDIA_TYPE);
    return told
        ? Result.of(Problem.read(status, response.content().array()))
        : new Result.Answered(status);
  }

  /** The callee's own word that it has done nothing. */
  static Optional<Result> refusal(ResponseHeaders headers) {
    String reason = headers.get(CallHeaders.REFUSED);
    return reason == null
        ? Optional.empty()
        : Optional.of(
            switch (reason) {
              case CallHeaders.STARTING, CallHeaders.STOPPING ->
                  new Result.NotServing("it is " + reason);
              default -> new Result.Refused("it refused to begin: " + reason);
            });
  }

  /** The client library's exceptions often have a name and no message. */
  private static Throwable readable(Throwable cause) {
    Optional<String> tls = ClientTls.explain(cause);
    if (tls.isPresent()) {
      return new TransportException(tls.get(), cause);
    }
    return cause.getMessage() == null
        ? new TransportException(cause.getClass().getSimpleName(), cause)
        : cause;
  }
}
