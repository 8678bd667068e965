package dev.tenon.grpc;

import com.linecorp.armeria.client.ClientRequestContext;
import com.linecorp.armeria.client.Endpoint;
import com.linecorp.armeria.client.HttpClient;
import com.linecorp.armeria.client.grpc.GrpcClientCall;
import com.linecorp.armeria.client.grpc.GrpcClientStubFactory;
import com.linecorp.armeria.client.grpc.GrpcClients;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.Scheme;
import com.linecorp.armeria.common.SessionProtocol;
import com.linecorp.armeria.common.grpc.GrpcSerializationFormats;
import com.linecorp.armeria.common.stream.ClosedStreamException;
import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.CallException;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.invocation.Target;
import dev.tenon.transport.OpenedStream;
import dev.tenon.transport.ServiceClient;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * The calls of one service that come in parts. The client library writes and reads the messages;
 * instead of sending the request itself, it hands it to the service's client. Thread-safe.
 */
final class StreamCalls {
  /** Never connected to: the service's client knows where to send. */
  private static final Endpoint NOWHERE = Endpoint.of("127.0.0.1", 1);

  private static final CallOptions.Key<Origin> ORIGIN = CallOptions.Key.create("tenon-origin");

  private final String service;
  private final ChannelParts parts;
  private final Channel channel;

  /** Where a call comes from, for the thread that sends it, and what became of it. */
  private static final class Origin {
    final Target target;
    final CallContext context;
    final CompletableFuture<Optional<CallException>> failure = new CompletableFuture<>();
    volatile boolean givenUp;

    Origin(Target target, CallContext context) {
      this.target = target;
      this.context = context;
    }

    HttpResponse send(ServiceClient client, HttpRequest request) {
      try {
        return context.call(() -> open(client, request));
      } catch (Exception e) {
        failure.complete(Optional.empty());
        return HttpResponse.ofFailure(e);
      }
    }

    private HttpResponse open(ServiceClient client, HttpRequest request) {
      OpenedStream opened = client.open(target, request);
      var unused = opened.failure().thenAccept(failure::complete);
      return opened.answer();
    }
  }

  /** What the client library makes in place of a stub. */
  private record Framing(Channel channel) {}

  StreamCalls(String service, ChannelParts parts) {
    this.service = service;
    this.parts = parts;
    this.channel =
        GrpcClients.builder(Scheme.of(GrpcSerializationFormats.PROTO, SessionProtocol.H2C), NOWHERE)
            .clientStubFactory(new FramingFactory())
            .maxRequestMessageLength(parts.requestMessageBytesMax())
            .maxResponseMessageLength(parts.replyMessageBytesMax())
            .responseTimeout(Duration.ZERO)
            .maxResponseLength(0)
            .decorator(this::send)
            .build(Framing.class)
            .channel();
  }

  <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
    Target target = new Target(service, method.getFullMethodName());
    ServiceClient.refuseStreamUnderTransaction(target);
    Origin origin = new Origin(target, parts.context(options));
    Executor executor = parts.executor(options);
    CallOptions all = options.withExecutor(executor).withDeadline(null).withOption(ORIGIN, origin);
    return new SimpleForwardingClientCall<>(channel.newCall(method, all)) {
      @Override
      public void start(Listener<A> listener, Metadata headers) {
        WireMetadata.check(headers);
        super.start(new Judging<>(origin, executor, listener), headers);
      }

      @Override
      public void cancel(@Nullable String message, @Nullable Throwable cause) {
        origin.givenUp = true;
        super.cancel(message, cause);
      }
    };
  }

  private HttpResponse send(HttpClient unused, ClientRequestContext context, HttpRequest request) {
    return GrpcClientCall.callOptions(context).getOption(ORIGIN).send(parts.client(), request);
  }

  /** Gives a failed call its typed failure as cause. */
  private static final class Judging<A> extends SimpleForwardingClientCallListener<A> {
    private final Origin origin;
    private final Executor executor;

    Judging(Origin origin, Executor executor, ClientCall.Listener<A> listener) {
      super(listener);
      this.origin = origin;
      this.executor = executor;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (!origin.givenUp && status.getCause() instanceof ClosedStreamException) {
        // a message could not be written, for a reason that only the call can tell
        var unused =
            origin.failure.thenAcceptAsync(
                failure -> super.onClose(judged(status, failure), trailers), executor);
      } else {
        super.onClose(judged(status, trailers), trailers);
      }
    }

    private static Status judged(Status status, Optional<CallException> failure) {
      return failure.map(CallFailures::status).orElse(status);
    }

    private Status judged(Status status, Metadata trailers) {
      Throwable cause = status.getCause();
      if (status.isOk()) {
        return status;
      }
      if (cause == null) {
        return status.withCause(
            new RemoteProblemException(origin.target, 1, StatusMapping.problem(status, trailers)));
      }
      return CallFailures.of(cause).map(CallFailures::status).orElse(status);
    }
  }

  private static final class FramingFactory implements GrpcClientStubFactory {
    @Override
    public @Nullable ServiceDescriptor findServiceDescriptor(Class<?> type) {
      return type == Framing.class ? ServiceDescriptor.newBuilder("tenon").build() : null;
    }

    @Override
    public Object newClientStub(Class<?> type, Channel channel) {
      return new Framing(channel);
    }
  }
}
