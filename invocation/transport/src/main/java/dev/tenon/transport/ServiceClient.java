package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.client.ClientFactory;
import com.linecorp.armeria.client.RequestOptions;
import com.linecorp.armeria.client.RequestOptionsBuilder;
import com.linecorp.armeria.client.UnprocessedRequestException;
import com.linecorp.armeria.client.WebClient;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import com.linecorp.armeria.common.metric.NoopMeterRegistry;
import dev.tenon.global.GlobalCall;
import dev.tenon.invocation.Call;
import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.CallException;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.Target;
import dev.tenon.invocation.Timeouts;
import dev.tenon.invocation.spi.Endpoint;
import io.netty.channel.ChannelOption;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Calls other services' Tenon ports by the name of the service, over HTTP/2: what REST and gRPC
 * clients send their requests with. Endpoints, repetitions and limits are those of {@link Calls}.
 *
 * <p>All calls to one endpoint share a connection. The current {@link CallContext} and what is left
 * of its time go along, and the proof of who calls. Thread-safe.
 */
public final class ServiceClient implements AutoCloseable {
  /** The most bytes of an answer, unless set. */
  public static final int ANSWER_BYTES_MAX_DEFAULT = 8 << 20;

  private static final int ENDPOINTS_MAX = 10_000; // clients kept; they hold no connection
  private static final Duration PING = Duration.ofSeconds(10);
  private static final int CLOSE_POLL_MILLIS = 5;
  private static final Duration IDLE = Duration.ofMinutes(1);

  private final ServiceIdentity identity;
  private final Calls calls;
  private final int answerBytesMax;
  private final ClientFactory factory;
  private final ClientTls tls;
  private final Map<Endpoint, WebClient> clients = new ConcurrentHashMap<>();
  private final Set<HttpResponse> underWay = ConcurrentHashMap.newKeySet(); // bounded by policies

  private ServiceClient(Builder builder) {
    this.identity = builder.identity;
    this.tls = identity.clientTls();
    this.calls = builder.calls;
    this.answerBytesMax = builder.answerBytesMax;
    this.factory =
        ClientFactory.builder()
            .connectTimeout(builder.connectTimeout)
            .channelOption(ChannelOption.TCP_NODELAY, true)
            .idleTimeout(IDLE)
            .pingInterval(PING)
            // A callee that stops, or replaces a connection, lets what is under way end.
            .http2GracefulShutdownTimeoutMillis(Long.MAX_VALUE)
            .meterRegistry(NoopMeterRegistry.get())
            .build();
  }

  /**
   * Begins a client.
   *
   * @param identity who calls
   * @param calls where services are, and how they are called
   * @return a builder
   */
  public static Builder builder(ServiceIdentity identity, Calls calls) {
    return new Builder(identity, calls);
  }

  /**
   * Sends a request and gathers the answer. Does not block.
   *
   * <p>The answer may be a problem: its status is the caller's to judge. Cancelling the future
   * gives the call up.
   *
   * <p>If the thread works for a distributed transaction, the call is made under it, with all its
   * attempts under one step. The step is the idempotency key then: one that the request has is left
   * out.
   *
   * @param request what to send
   * @return completes with the answer, on a thread that must not be blocked, or with a {@link
   *     CallException}
   * @throws dev.tenon.global.GlobalTransactionException if the thread works for a distributed
   *     transaction that is decided; nothing was sent
   */
  public CompletableFuture<CallAnswer> call(CallRequest request) {
    return call(request, new GlobalReport(GlobalCall.begin(request.target().service())));
  }

  /** Sends a request that belongs to no distributed transaction, whatever the thread works for. */
  CompletableFuture<CallAnswer> callOutside(CallRequest request) {
    return call(request, new GlobalReport(Optional.empty()));
  }

  private CompletableFuture<CallAnswer> call(CallRequest request, GlobalReport report) {
    CallContext context = CallContext.current();
    Call call;
    try {
      call = calls.begin(request.target(), request.repeatable(), context);
    } catch (CallException e) {
      report.failed(e);
      return CompletableFuture.failedFuture(e);
    }
    return new CallRun(
            call, factory, request.judge(), report, send -> send(request, context, report, send))
        .start();
  }

  /**
   * Opens a stream: a request or an answer, or both, that come in parts. It is tried once. Its
   * answer may have any length in all: it comes as it is read.
   *
   * @param target what is called
   * @param request the request; its body may still be written
   * @return the answer, and how the call ended
   * @throws IllegalStateException if the thread works for a distributed transaction: a stream has
   *     no one answer that could name its branches
   */
  public OpenedStream open(Target target, HttpRequest request) {
    refuseStreamUnderTransaction(target);
    CallContext context = CallContext.current();
    Call call;
    try {
      call = calls.begin(target, Call.Repeatable.NEVER, context);
    } catch (CallException e) {
      return OpenedStream.failed(request, e);
    }
    return new StreamRun(call, request)
        .open(
            send -> {
              RequestHeadersBuilder headers = request.headers().toBuilder();
              return attempt(
                  () -> {
                    complete(headers, target.service(), context, send.timeout());
                    return execute(target.service(), send, request.withHeaders(headers), 0);
                  });
            });
  }

  /**
   * Checks, on the thread that wants to open a stream, that it may.
   *
   * @param target what is called
   * @throws IllegalStateException if the thread works for a distributed transaction
   */
  public static void refuseStreamUnderTransaction(Target target) {
    GlobalCall.begin(target.service())
        .ifPresent(
            call -> {
              call.notSent();
              throw new IllegalStateException(
                  ("Could not open a stream under a distributed transaction [service=%s,"
                       + " operation=%s]: it has no one answer that could name its branches. Open"
                       + " it before or after the transaction.")
                      .formatted(target.service(), target.operation()));
            });
  }

  private HttpResponse send(
      CallRequest request, CallContext context, GlobalReport report, Call.Step.Send send) {
    return attempt(
        () -> {
          RequestHeadersBuilder headers = request.headers().toBuilder();
          report.write(headers);
          complete(headers, request.target().service(), context, send.timeout());
          return execute(
              request.target().service(),
              send,
              HttpRequest.of(headers.build(), request.body()),
              answerBytesMax);
        });
  }

  /** What cannot be made ready to be sent, as when a key cannot be read, ends as any attempt. */
  private static HttpResponse attempt(Supplier<HttpResponse> sending) {
    try {
      return sending.get();
    } catch (RuntimeException e) {
      return HttpResponse.ofFailure(
          UnprocessedRequestException.of(
              new TransportException("it could not be made ready: " + e.getMessage(), e)));
    }
  }

  private HttpResponse execute(
      String service, Call.Step.Send send, HttpRequest request, int bytesMax) {
    RequestOptionsBuilder options =
        RequestOptions.builder().responseTimeout(send.timeout()).maxResponseLength(bytesMax);
    tls.spec(service).ifPresent(options::clientTlsSpec);
    HttpResponse response = client(send.endpoint()).execute(request, options.build());
    underWay.add(response);
    var unused =
        response
            .whenComplete()
            .handle(
                (done, failure) -> {
                  underWay.remove(response);
                  return null;
                });
    return response;
  }

  private void complete(
      RequestHeadersBuilder headers, String service, CallContext context, Duration timeout) {
    context.write(headers::set);
    boolean grpc = headers.contains(CallHeaders.GRPC_TIMEOUT) || isGrpc(headers);
    headers.set(grpc ? CallHeaders.GRPC_TIMEOUT : CallHeaders.TIMEOUT, Timeouts.format(timeout));
    identity.sign(headers, service);
  }

  private static boolean isGrpc(RequestHeadersBuilder headers) {
    String type = headers.get("content-type");
    return type != null && type.startsWith("application/grpc");
  }

  private WebClient client(Endpoint endpoint) {
    WebClient known = clients.get(endpoint);
    if (known != null) {
      return known;
    }
    if (clients.size() >= ENDPOINTS_MAX) {
      clients.clear();
    }
    return clients.computeIfAbsent(
        endpoint,
        at ->
            WebClient.builder(
                    tls.protocol(), com.linecorp.armeria.client.Endpoint.of(at.host(), at.port()))
                .factory(factory)
                .build());
  }

  /** Ends all connections. Calls under way fail. Safe to repeat. */
  @Override
  public void close() {
    CompletableFuture<?> closing = factory.closeAsync(); // waits for what is under way
    try {
      while (!closing.isDone()) {
        underWay.forEach(call -> call.abort(new TransportException("the client was closed")));
        TimeUnit.MILLISECONDS.sleep(CLOSE_POLL_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Collects how the client is to be. Not thread-safe. */
  public static final class Builder {
    private final ServiceIdentity identity;
    private final Calls calls;
    private Duration connectTimeout = Duration.ofSeconds(2);
    private int answerBytesMax = ANSWER_BYTES_MAX_DEFAULT;

    private Builder(ServiceIdentity identity, Calls calls) {
      this.identity = requireNonNull(identity, "identity");
      this.calls = requireNonNull(calls, "calls");
    }

    /**
     * How long to wait for a connection; 2 s by default.
     *
     * @param value more than zero
     * @return this
     */
    public Builder connectTimeout(Duration value) {
      if (value.isNegative() || value.isZero()) {
        throw new IllegalArgumentException("connectTimeout: " + value + " (expected: > 0)");
      }
      connectTimeout = value;
      return this;
    }

    /**
     * The most bytes of an answer that is gathered; 8 MiB by default. A larger one breaks its call.
     *
     * @param value from 1
     * @return this
     */
    public Builder answerBytesMax(int value) {
      if (value < 1) {
        throw new IllegalArgumentException("answerBytesMax: " + value + " (expected: >= 1)");
      }
      answerBytesMax = value;
      return this;
    }

    /**
     * Makes it. Nothing is connected yet.
     *
     * @return the client
     */
    public ServiceClient build() {
      return new ServiceClient(this);
    }
  }
}
