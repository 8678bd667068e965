package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.client.ClientFactory;
import com.linecorp.armeria.client.RequestOptions;
import com.linecorp.armeria.client.RequestOptionsBuilder;
import com.linecorp.armeria.client.WebClient;
import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import com.linecorp.armeria.common.metric.NoopMeterRegistry;
import com.linecorp.armeria.common.stream.SubscriptionOption;
import dev.tenon.invocation.Call.Result;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.EndpointRound;
import dev.tenon.invocation.Problem;
import dev.tenon.invocation.spi.Endpoint;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.messaging.spi.FeedTransport;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Reaches other services' Tenon ports. Endpoints are chosen as for {@link Calls}, and left out as
 * they are for calls; one that does not answer, or is starting or stopping, is passed over for the
 * next. Methods block the calling thread until answered, at most for the call's timeout at each
 * endpoint.
 *
 * <p>All streams to one address share a connection; each holds 256 KiB of frames and two more, and
 * a window of 1 MiB, and one whose reader rests does not hold up the others. Thread-safe.
 */
public final class HttpFeedTransport implements FeedTransport, AutoCloseable {
  static final int FRAME_BYTES_MAX_DEFAULT = 64 << 20;

  private static final int STREAM_WINDOW_BYTES = 1 << 20;
  private static final int CONNECTION_WINDOW_BYTES = 1 << 30; // for 1,024 resting readers
  private static final int NETWORK_FRAME_BYTES = 256 << 10;
  private static final Duration WAKE_WAIT = Duration.ofMillis(250);
  private static final long CLOSE_MILLIS = 100;
  private static final int OK = 200;
  private static final long CALL_RESPONSE_BYTES_MAX = 64 << 10;

  private final ServiceIdentity identity;
  private final ClientTls tls;
  private final Calls calls;
  private final Duration callTimeout;
  private final int frameBytesMax;
  private final ClientFactory factory;
  private final WebClient client;
  private final Set<String> owing = ConcurrentHashMap.newKeySet(); // of instances called here

  /** Does something at one address. */
  private interface Attempt<T> {
    T at(String address) throws InterruptedException;
  }

  private HttpFeedTransport(Builder builder) {
    this.identity = builder.identity;
    this.tls = identity.clientTls();
    this.calls = builder.calls;
    this.callTimeout = builder.callTimeout;
    this.frameBytesMax = builder.frameBytesMax;
    this.factory =
        ClientFactory.builder()
            .connectTimeout(builder.connectTimeout)
            .http2InitialStreamWindowSize(STREAM_WINDOW_BYTES)
            .http2InitialConnectionWindowSize(CONNECTION_WINDOW_BYTES)
            .meterRegistry(NoopMeterRegistry.get())
            .http2MaxFrameSize(NETWORK_FRAME_BYTES)
            .http2GracefulShutdownTimeoutMillis(CLOSE_MILLIS)
            .build();
    this.client = WebClient.builder().factory(factory).build();
  }

  /**
   * Begins a transport.
   *
   * @param identity who asks
   * @param calls where the others are, and which of them do not answer
   * @return a builder
   */
  public static Builder builder(ServiceIdentity identity, Calls calls) {
    return new Builder(identity, calls);
  }

  @Override
  public FeedStream open(FeedRequest request) {
    byte[] body = Requests.write(request);
    return atOneOf(
        request.publisher(), address -> openAt(address, request.publisher(), request, body));
  }

  @Override
  public void report(FeedReport report) {
    byte[] body = Requests.write(report);
    String service = report.publisher();
    Integer unused =
        atOneOf(
            service,
            address ->
                await(
                    call(address, service, FeedEndpoints.REPORT, body),
                    callTimeout,
                    address,
                    service));
  }

  /**
   * {@inheritDoc}
   *
   * <p>Waits for the answer for 250 ms at most, so that an instance that hangs does not hold up the
   * others. As long as it owes an answer, further calls fail at once.
   */
  @Override
  public void wake(String address) {
    try {
      Endpoint unused = Endpoint.parse(address);
    } catch (IllegalArgumentException e) {
      throw new FeedException(Reason.INVALID, String.valueOf(e.getMessage()), e);
    }
    if (owing.contains(address)) {
      throw unreachable(identity.service(), address, "it has not answered the call before", null);
    }
    var answer = call(address, identity.service(), FeedEndpoints.WAKE, new byte[0]);
    owing.add(address);
    var unused = answer.whenComplete((response, failure) -> owing.remove(address));
    await(answer, WAKE_WAIT, address, identity.service());
  }

  /** Ends all open streams and connections. Safe to repeat. */
  @Override
  public void close() {
    factory.close();
  }

  private <T> T atOneOf(String service, Attempt<T> attempt) {
    FeedException last = null;
    try (EndpointRound round = calls.round(service)) {
      for (Optional<Endpoint> next = round.next(); next.isPresent(); next = round.next()) {
        try {
          T done = attempt.at(next.get().address());
          round.ended(new Result.Answered(OK));
          return done;
        } catch (FeedException e) {
          round.ended(resultOf(e));
          if (e.reason() != Reason.UNREACHABLE) {
            throw e;
          }
          last = e;
        }
      }
      throw last == null ? nobody(service, round) : last;
    } catch (InterruptedException e) {
      throw interrupted(service, e);
    }
  }

  /** A problem that a feed answers with says nothing about the calls to the same endpoint. */
  private static Result resultOf(FeedException failure) {
    Throwable cause = failure.getCause();
    if (cause instanceof TimeoutException) {
      return new Result.TimedOut();
    }
    return cause == null
        ? new Result.Refused(String.valueOf(failure.getMessage()))
        : CallResults.of(cause instanceof ExecutionException ? cause.getCause() : cause);
  }

  private static FeedException nobody(String service, EndpointRound round) {
    return new FeedException(
        Reason.UNREACHABLE,
        "Could not reach a service [service=%s]: %s"
            .formatted(
                service,
                round.isEmpty()
                    ? "no address is known. Configure one."
                    : "none of its addresses answered, and each is being tried. Try later."));
  }

  private HttpFeedStream openAt(String address, String service, FeedRequest request, byte[] body)
      throws InterruptedException {
    HttpResponse response =
        send(
            address,
            service,
            FeedEndpoints.FEED,
            body,
            RequestOptions.builder().responseTimeoutMillis(0).maxResponseLength(0));
    String name =
        "service=%s, address=%s, subscription=%s, slot=%d/%d"
            .formatted(
                service,
                address,
                request.subscription(),
                request.slot().index(),
                request.slot().count());
    HttpFeedStream stream = new HttpFeedStream(name, response, frameBytesMax);
    response.subscribe(stream, SubscriptionOption.WITH_POOLED_OBJECTS);
    boolean open = false;
    try {
      stream.awaitOpen(callTimeout);
      open = true;
      return stream;
    } finally {
      if (!open) {
        response.abort();
      }
    }
  }

  private CompletableFuture<AggregatedHttpResponse> call(
      String address, String service, String path, byte[] body) {
    RequestOptionsBuilder options =
        RequestOptions.builder()
            .responseTimeout(callTimeout)
            .maxResponseLength(CALL_RESPONSE_BYTES_MAX);
    return send(address, service, path, body, options).aggregate();
  }

  private static int await(
      CompletableFuture<AggregatedHttpResponse> call,
      Duration timeout,
      String address,
      String service) {
    AggregatedHttpResponse answer;
    try {
      answer = call.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw ClientTls.explain(e)
          .map(
              told ->
                  new FeedException(
                      Reason.UNREACHABLE,
                      "Could not reach a service [service=%s, address=%s]: %s"
                          .formatted(service, address, told),
                      e))
          .orElseGet(() -> unreachable(service, address, HttpFeedStream.reasonOf(e), e));
    } catch (TimeoutException e) {
      throw unreachable(service, address, "no answer within " + timeout.toMillis() + " ms", e);
    } catch (InterruptedException e) {
      throw interrupted(service, e);
    }
    int status = answer.status().code();
    if (!answer.status().isSuccess()) {
      Problem problem = Problem.read(status, answer.content().array());
      throw new FeedException(Problems.feedReason(problem), problem.detail());
    }
    return status;
  }

  private HttpResponse send(
      String address, String service, String path, byte[] body, RequestOptionsBuilder options) {
    RequestHeadersBuilder headers =
        RequestHeaders.builder(HttpMethod.POST, tls.protocol().uriText() + "://" + address + path)
            .contentType(MediaType.JSON);
    identity.sign(headers, service);
    tls.spec(service).ifPresent(options::clientTlsSpec);
    return client.execute(HttpRequest.of(headers.build(), HttpData.wrap(body)), options.build());
  }

  private static FeedException unreachable(
      String service, String address, String reason, @Nullable Throwable cause) {
    String message =
        "Could not reach a service [service=%s, address=%s]: %s. Check that it runs."
            .formatted(service, address, reason);
    return cause == null
        ? new FeedException(Reason.UNREACHABLE, message)
        : new FeedException(Reason.UNREACHABLE, message, cause);
  }

  private static FeedException interrupted(String service, InterruptedException e) {
    Thread.currentThread().interrupt();
    return new FeedException(
        Reason.CLOSED, "Could not reach a service [service=" + service + "]: interrupted.", e);
  }

  /** Collects how the transport is to be. Not thread-safe. */
  public static final class Builder {
    private final ServiceIdentity identity;
    private final Calls calls;
    private Duration connectTimeout = Duration.ofSeconds(2);
    private Duration callTimeout = Duration.ofSeconds(10);
    private int frameBytesMax = FRAME_BYTES_MAX_DEFAULT;

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
      connectTimeout = positive("connectTimeout", value);
      return this;
    }

    /**
     * How long to wait for an answer, for that a stream is open among them; 10 s by default.
     *
     * @param value more than zero
     * @return this
     */
    public Builder callTimeout(Duration value) {
      callTimeout = positive("callTimeout", value);
      return this;
    }

    /**
     * The most payload bytes of a frame; 64 MiB by default. A larger one breaks its stream.
     *
     * @param value from 1 to 1 GiB
     * @return this
     */
    public Builder frameBytesMax(int value) {
      if (value < 1 || value > 1 << 30) {
        throw new IllegalArgumentException("frameBytesMax: " + value + " (expected: 1..1 GiB)");
      }
      frameBytesMax = value;
      return this;
    }

    /**
     * Makes it. Nothing is connected yet.
     *
     * @return the transport
     */
    public HttpFeedTransport build() {
      return new HttpFeedTransport(this);
    }

    private static Duration positive(String name, Duration value) {
      if (value.isNegative() || value.isZero()) {
        throw new IllegalArgumentException(name + ": " + value + " (expected: > 0)");
      }
      return value;
    }
  }
}
