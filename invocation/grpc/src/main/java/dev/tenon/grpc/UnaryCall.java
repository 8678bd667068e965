package dev.tenon.grpc;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import dev.tenon.invocation.Call.Repeatable;
import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.CallException;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.invocation.Target;
import dev.tenon.transport.CallAnswer;
import dev.tenon.transport.CallRequest;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A call with one message each way, whole in memory, so that it can be sent again.
 *
 * <p>As gRPC has it, one thread drives the call, but {@link #cancel} may come from any. The
 * listener is called by one task on the call's executor.
 */
final class UnaryCall<Q, A> extends ClientCall<Q, A> {
  private static final Logger log = LoggerFactory.getLogger(UnaryCall.class);

  private final ChannelParts parts;
  private final Target target;
  private final MethodDescriptor<Q, A> method;
  private final CallOptions options;
  private Metadata headers = new Metadata();
  private CallContext context = CallContext.EMPTY;
  private @Nullable Listener<A> listener;
  private @Nullable HttpData body;
  private @Nullable Status refused; // why there is no body
  private boolean wanted; // the message, by the listener
  private boolean cancelled;
  private @Nullable Status cancellation;
  private @Nullable Runnable held;
  private @Nullable CompletableFuture<CallAnswer> answer;

  UnaryCall(ChannelParts parts, Target target, MethodDescriptor<Q, A> method, CallOptions options) {
    this.parts = parts;
    this.target = target;
    this.method = method;
    this.options = options;
  }

  @Override
  public void start(Listener<A> responseListener, Metadata metadata) {
    if (listener != null) {
      throw new IllegalStateException("call: started before (expected: a new one)");
    }
    listener = requireNonNull(responseListener, "responseListener");
    headers = metadata;
    String key = options.getOption(GrpcCallOptions.IDEMPOTENCY_KEY);
    if (key != null) {
      headers.discardAll(GrpcCallOptions.IDEMPOTENCY_METADATA);
      headers.put(GrpcCallOptions.IDEMPOTENCY_METADATA, key);
    }
    context = parts.context(options);
  }

  @Override
  public void request(int count) {
    Runnable ready;
    synchronized (this) {
      wanted |= count > 0;
      ready = held;
      held = null;
    }
    if (ready != null) {
      parts.executor(options).execute(ready);
    }
  }

  @Override
  public void sendMessage(Q message) {
    try {
      if (!headers.keys().isEmpty()) {
        WireMetadata.check(headers);
      }
      body =
          MessageFrame.write(method.streamRequest(message), parts.requestMessageBytesMax(options));
    } catch (StatusRuntimeException e) {
      refused = e.getStatus();
    }
  }

  @Override
  public void halfClose() {
    HttpData message = body;
    if (message == null) {
      Status why = refused;
      end(why == null ? Status.INTERNAL.withDescription("call: no message (expected: one)") : why);
      return;
    }
    Repeatable repeatable = GrpcCallOptions.repeatable(method, options, headers);
    CallRequest request =
        new CallRequest(target, repeatable, httpHeaders(), message, UnaryAnswer::result);
    CompletableFuture<CallAnswer> sent = send(request);
    synchronized (this) {
      answer = sent;
      if (cancelled) {
        sent.cancel(false);
      }
    }
    var unused =
        sent.handle(
            (came, failure) -> {
              execute(failure == null ? () -> deliver(came) : () -> fail(failure));
              return null;
            });
  }

  private CompletableFuture<CallAnswer> send(CallRequest request) {
    var sent =
        new Object() {
          @Nullable CompletableFuture<CallAnswer> answer;
        };
    context.run(() -> sent.answer = parts.client().call(request));
    return requireNonNull(sent.answer);
  }

  @Override
  public void cancel(@Nullable String message, @Nullable Throwable cause) {
    CompletableFuture<CallAnswer> sent;
    Status status =
        Status.CANCELLED
            .withDescription(message == null ? "The caller has given up." : message)
            .withCause(cause);
    synchronized (this) {
      if (cancelled) {
        return;
      }
      cancelled = true;
      cancellation = status;
      sent = answer;
    }
    if (sent != null) {
      sent.cancel(false);
    } else if (listener != null) {
      end(status);
    }
  }

  private RequestHeaders httpHeaders() {
    RequestHeadersBuilder http =
        RequestHeaders.builder(HttpMethod.POST, "/" + method.getFullMethodName())
            .set(HttpHeaderNames.CONTENT_TYPE, "application/grpc")
            .set(HttpHeaderNames.TE, "trailers");
    WireMetadata.write(headers, http);
    return http.build();
  }

  /** Hands the answer to the listener, or keeps it until the listener wants it. */
  private void execute(Runnable delivery) {
    synchronized (this) {
      if (!wanted) {
        held = delivery;
        return;
      }
    }
    try {
      parts.executor(options).execute(delivery);
    } catch (RejectedExecutionException e) {
      log.warn("Could not hand on an answer, the call's executor takes nothing [{}]", target, e);
    }
  }

  private void deliver(CallAnswer came) {
    UnaryAnswer read = UnaryAnswer.of(came.response());
    if (!read.status().isOk()) {
      var problem = new RemoteProblemException(target, came.attempts(), read.problem());
      close(read.status().withCause(problem), read.trailers());
      return;
    }
    A message;
    try {
      message =
          method.parseResponse(
              MessageFrame.read(came.response().content(), parts.replyMessageBytesMax(options)));
    } catch (StatusRuntimeException e) {
      close(e.getStatus(), new Metadata());
      return;
    }
    Listener<A> to = requireNonNull(listener);
    try {
      to.onHeaders(read.headers());
      to.onMessage(message);
    } catch (RuntimeException e) {
      close(Status.CANCELLED.withDescription("The listener failed.").withCause(e), new Metadata());
      return;
    }
    close(Status.OK, read.trailers());
  }

  private void fail(Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    Status given;
    synchronized (this) {
      given = cancellation;
    }
    Status status =
        cause instanceof CallException e
            ? CallFailures.status(e)
            : given != null ? given : Status.INTERNAL.withCause(cause);
    close(status, new Metadata());
  }

  private void end(Status status) {
    parts.executor(options).execute(() -> close(status, new Metadata()));
  }

  private void close(Status status, Metadata trailers) {
    requireNonNull(listener).onClose(status, trailers);
  }
}
