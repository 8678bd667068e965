package dev.tenon.grpc;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.grpc.GrpcSerializationFormats;
import com.linecorp.armeria.common.grpc.protocol.GrpcHeaderNames;
import com.linecorp.armeria.common.grpc.protocol.StatusMessageEscaper;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServiceRequestContext;
import com.linecorp.armeria.server.SimpleDecoratingHttpService;
import com.linecorp.armeria.server.grpc.GrpcService;
import com.linecorp.armeria.server.grpc.GrpcServiceBuilder;
import dev.tenon.global.Participant;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.transport.PortService;
import io.grpc.BindableService;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * gRPC services on the Tenon port.
 *
 * <p>Handlers run on virtual threads, so they may block, and in the {@link
 * dev.tenon.invocation.CallContext} of their call; the callbacks of one call come one after
 * another. What a handler throws becomes a rich status: a {@link io.grpc.StatusRuntimeException} as
 * it is, {@link StatusMapping#exception a problem} as it is, and anything else as {@code INTERNAL}
 * with one sentence, the exception itself in the log only. A call ends with the caller's deadline,
 * or without one after the port's request timeout.
 *
 * <p>Served beside them: {@code grpc.health.v1.Health}, which says {@code SERVING} from when the
 * port lets calls in, and reflection ({@code grpc.reflection.v1}), for callers that are known.
 */
public final class GrpcPortService {
  /** The most bytes of a message, either way, unless set: what gRPC takes everywhere. */
  public static final int MESSAGE_BYTES_MAX_DEFAULT = 4 << 20;

  private GrpcPortService() {}

  /**
   * Serves handlers with the defaults.
   *
   * @param services the handlers
   * @return what to serve on a port
   */
  public static PortService of(BindableService... services) {
    Builder builder = builder();
    for (BindableService service : services) {
      builder.service(service);
    }
    return builder.build();
  }

  /**
   * Begins.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /** A problem as an answer of headers only. */
  static HttpResponse answer(Problem problem) {
    com.google.rpc.Status status = StatusMapping.status(problem);
    return HttpResponse.of(
        ResponseHeaders.builder(HttpStatus.OK)
            .set(HttpHeaderNames.CONTENT_TYPE, "application/grpc")
            .setInt(GrpcHeaderNames.GRPC_STATUS, status.getCode())
            .set(GrpcHeaderNames.GRPC_MESSAGE, StatusMessageEscaper.escape(status.getMessage()))
            .set(GrpcHeaderNames.GRPC_STATUS_DETAILS_BIN, WireMetadata.base64(status.toByteArray()))
            .build());
  }

  /** Collects what to serve. Not thread-safe. */
  public static final class Builder {
    private final List<Served> services = new ArrayList<>();
    private final List<ServerInterceptor> interceptors = new ArrayList<>();
    private int requestMessageBytesMax = MESSAGE_BYTES_MAX_DEFAULT;
    private int replyMessageBytesMax = MESSAGE_BYTES_MAX_DEFAULT;
    private Optional<IdempotentReceiver> receiver = Optional.empty();
    private Optional<Participant> participant = Optional.empty();
    private boolean reflection = true;

    private Builder() {}

    /**
     * Serves a handler.
     *
     * @param value the handler
     * @return this
     */
    public Builder service(BindableService value) {
      return service(value, definition -> definition);
    }

    /**
     * Serves a handler behind interceptors of its own, such as a container's: they run in the
     * call's context, before a stored reply is looked for.
     *
     * @param value the handler
     * @param around puts the interceptors before the handler's definition
     * @return this
     */
    public Builder service(BindableService value, UnaryOperator<ServerServiceDefinition> around) {
      services.add(new Served(requireNonNull(value, "service"), requireNonNull(around, "around")));
      return this;
    }

    /**
     * Puts an interceptor before all handlers, behind Tenon's own: it runs in the call's context.
     *
     * @param value the interceptor; the first that is given comes first
     * @return this
     */
    public Builder intercept(ServerInterceptor value) {
      interceptors.add(requireNonNull(value, "interceptor"));
      return this;
    }

    /**
     * The most bytes of a message that is taken; 4 MiB by default. A larger one is answered {@code
     * RESOURCE_EXHAUSTED} before it is read.
     *
     * @param value from 1
     * @return this
     */
    public Builder requestMessageBytesMax(int value) {
      requestMessageBytesMax = Limits.atLeastOne("requestMessageBytesMax", value);
      return this;
    }

    /**
     * The most bytes of a message that is answered; 4 MiB by default. A larger one fails its call
     * with {@code RESOURCE_EXHAUSTED}.
     *
     * @param value from 1
     * @return this
     */
    public Builder replyMessageBytesMax(int value) {
      replyMessageBytesMax = Limits.atLeastOne("replyMessageBytesMax", value);
      return this;
    }

    /**
     * Where the replies of {@link dev.tenon.invocation.Idempotent} methods are stored. Needed if
     * there is one. Such a method is unary, and answers before it returns; its metadata is not
     * kept.
     *
     * @param value the receiver of this service's database
     * @return this
     */
    public Builder idempotent(IdempotentReceiver value) {
      receiver = Optional.of(value);
      return this;
    }

    /**
     * Takes part in the distributed transactions that unary calls come under. An {@link
     * dev.tenon.invocation.Idempotent} method, or one that declares its branch ({@link
     * dev.tenon.global.Compensated}, {@link dev.tenon.global.TryConfirmCancel}), may open one: it
     * runs in one unit of work, and its reply is stored under the transaction's step, whatever key
     * the call has. Any other method opens none; what it calls in turn goes on under the
     * transaction. The branches are named in the trailers. A stream is refused under a transaction:
     * it has no one answer that could name them. Without a participant the transaction is passed
     * over, and its starter learns that it cannot be committed.
     *
     * @param value the service's side of others' transactions
     * @return this
     */
    public Builder participant(Participant value) {
      participant = Optional.of(value);
      return this;
    }

    /**
     * Does not serve reflection.
     *
     * @return this
     */
    public Builder withoutReflection() {
      reflection = false;
      return this;
    }

    /**
     * Makes it.
     *
     * @return what to serve on a port
     * @throws IllegalArgumentException if a stream is marked as idempotent, or a method is and
     *     there is no receiver
     */
    public PortService build() {
      GrpcServiceBuilder grpc =
          GrpcService.builder()
              .supportedSerializationFormats(GrpcSerializationFormats.PROTO)
              .enableUnframedRequests(false)
              .useBlockingTaskExecutor(true)
              .useClientTimeoutHeader(false) // the port has read it
              .maxRequestMessageLength(requestMessageBytesMax)
              .maxResponseMessageLength(replyMessageBytesMax)
              .exceptionHandler(new ProtocolFailures());
      Set<String> names = new HashSet<>();
      for (Served service : services) {
        ServerServiceDefinition definition = service.handler().bindService();
        names.add(definition.getServiceDescriptor().getName());
        grpc.addService(intercepted(service, definition));
      }
      grpc.addService(new Health(names));
      if (reflection) {
        grpc.addService(ProtoReflectionServiceV1.newInstance());
      }
      GrpcService service = grpc.build();
      return new PortService(service.routes(), new ByMessage(service), GrpcPortService::answer);
    }

    private ServerServiceDefinition intercepted(
        Served service, ServerServiceDefinition definition) {
      MarkedMethods marked = MarkedMethods.of(service.handler(), definition);
      ServerServiceDefinition inner =
          ServerInterceptors.intercept(
              definition,
              new IdempotentCalls(new IdempotentCalls.Stores(receiver, participant), marked));
      List<ServerInterceptor> outer = new ArrayList<>();
      outer.add(new CallInterceptor());
      outer.addAll(interceptors);
      return ServerInterceptors.interceptForward(service.around().apply(inner), outer);
    }
  }

  private record Served(BindableService handler, UnaryOperator<ServerServiceDefinition> around) {}

  /** Bounds messages rather than bodies: a stream may be long, and is read as it is handled. */
  private static final class ByMessage extends SimpleDecoratingHttpService {
    ByMessage(HttpService service) {
      super(service);
    }

    @Override
    public HttpResponse serve(ServiceRequestContext context, HttpRequest request) throws Exception {
      context.setMaxRequestLength(0);
      return unwrap().serve(context, request);
    }
  }
}
