package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.ServerBuilder;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.tenon.invocation.Problem;
import java.time.Duration;

/**
 * What one peer, or all of them, can take of a {@link TenonPort}: its limits against slow, faulty
 * and hostile peers. Immutable; start from {@link #defaults()} and change what must differ.
 */
public final class PortLimits {
  /** Over how long the rates of frames are taken. */
  static final int WINDOW_SECONDS = 10;

  private int requestBytesMax = 1 << 20;
  private int headerBytesMax = 16 << 10;
  private int headersMax = 128;
  private int connectionsMax = 4096;
  private int connectionsPerAddressMax = 512;
  private int streamsPerConnectionMax = 2048;
  private int networkFrameBytesMax = 16 << 10;
  private int resetsPerSecondMax = 200;
  private int controlFramesPerSecondMax = 100;
  private Duration requestTimeout = Duration.ofSeconds(10);
  private Duration idleTimeout = Duration.ofMinutes(1);
  private Duration connectionAgeMax = Duration.ofHours(1);

  private PortLimits() {}

  private PortLimits(PortLimits other) {
    requestBytesMax = other.requestBytesMax;
    headerBytesMax = other.headerBytesMax;
    headersMax = other.headersMax;
    connectionsMax = other.connectionsMax;
    connectionsPerAddressMax = other.connectionsPerAddressMax;
    streamsPerConnectionMax = other.streamsPerConnectionMax;
    networkFrameBytesMax = other.networkFrameBytesMax;
    resetsPerSecondMax = other.resetsPerSecondMax;
    controlFramesPerSecondMax = other.controlFramesPerSecondMax;
    requestTimeout = other.requestTimeout;
    idleTimeout = other.idleTimeout;
    connectionAgeMax = other.connectionAgeMax;
  }

  /**
   * The defaults, each named at its method.
   *
   * @return limits
   */
  public static PortLimits defaults() {
    return new PortLimits();
  }

  /**
   * The most bytes of a request's body; 1 MiB by default. A larger one is answered 413.
   *
   * @return bytes
   */
  public int requestBytesMax() {
    return requestBytesMax;
  }

  /**
   * Changes {@link #requestBytesMax()}.
   *
   * @param bytes from 1 to 1 GiB
   * @return a changed copy
   */
  public PortLimits requestBytesMax(int bytes) {
    PortLimits copy = new PortLimits(this);
    copy.requestBytesMax = within("requestBytesMax", bytes, 1, 1 << 30);
    return copy;
  }

  /**
   * The most bytes of a request's headers, its path among them; 16 KiB by default. More are
   * answered 431, or end the connection.
   *
   * @return bytes
   */
  public int headerBytesMax() {
    return headerBytesMax;
  }

  /**
   * Changes {@link #headerBytesMax()}.
   *
   * @param bytes from 1 KiB to 1 MiB
   * @return a changed copy
   */
  public PortLimits headerBytesMax(int bytes) {
    PortLimits copy = new PortLimits(this);
    copy.headerBytesMax = within("headerBytesMax", bytes, 1 << 10, 1 << 20);
    return copy;
  }

  /**
   * The most headers of a request; 128 by default. More are answered 431.
   *
   * @return headers
   */
  public int headersMax() {
    return headersMax;
  }

  /**
   * Changes {@link #headersMax()}.
   *
   * @param headers from 8 to 10,000
   * @return a changed copy
   */
  public PortLimits headersMax(int headers) {
    PortLimits copy = new PortLimits(this);
    copy.headersMax = within("headersMax", headers, 8, 10_000);
    return copy;
  }

  /**
   * The most connections; 4,096 by default. More are closed as they come.
   *
   * @return connections
   */
  public int connectionsMax() {
    return connectionsMax;
  }

  /**
   * Changes {@link #connectionsMax()}.
   *
   * @param connections from 1
   * @return a changed copy
   */
  public PortLimits connectionsMax(int connections) {
    PortLimits copy = new PortLimits(this);
    copy.connectionsMax = within("connectionsMax", connections, 1, Integer.MAX_VALUE);
    return copy;
  }

  /**
   * The most connections from one network address, so that one hostile peer leaves room for the
   * others; 512 by default. More are closed as they come.
   *
   * @return connections
   */
  public int connectionsPerAddressMax() {
    return connectionsPerAddressMax;
  }

  /**
   * Changes {@link #connectionsPerAddressMax()}.
   *
   * @param connections from 1
   * @return a changed copy
   */
  public PortLimits connectionsPerAddressMax(int connections) {
    PortLimits copy = new PortLimits(this);
    copy.connectionsPerAddressMax =
        within("connectionsPerAddressMax", connections, 1, Integer.MAX_VALUE);
    return copy;
  }

  /**
   * The most requests at once on one HTTP/2 connection, open feeds among them; 2,048 by default.
   * More wait at the caller.
   *
   * @return streams
   */
  public int streamsPerConnectionMax() {
    return streamsPerConnectionMax;
  }

  /**
   * Changes {@link #streamsPerConnectionMax()}.
   *
   * @param streams from 1
   * @return a changed copy
   */
  public PortLimits streamsPerConnectionMax(int streams) {
    PortLimits copy = new PortLimits(this);
    copy.streamsPerConnectionMax = within("streamsPerConnectionMax", streams, 1, Integer.MAX_VALUE);
    return copy;
  }

  /**
   * The most bytes of an HTTP/2 frame that is taken; 16 KiB by default, which is also the least.
   *
   * @return bytes
   */
  public int networkFrameBytesMax() {
    return networkFrameBytesMax;
  }

  /**
   * Changes {@link #networkFrameBytesMax()}.
   *
   * @param bytes from 16 KiB to 16 MiB - 1
   * @return a changed copy
   */
  public PortLimits networkFrameBytesMax(int bytes) {
    PortLimits copy = new PortLimits(this);
    copy.networkFrameBytesMax = within("networkFrameBytesMax", bytes, 16 << 10, (16 << 20) - 1);
    return copy;
  }

  /**
   * How many requests a peer may take back in a second on one HTTP/2 connection, on average over
   * ten seconds; 200 by default. A peer that takes back more loses the connection.
   *
   * @return resets
   */
  public int resetsPerSecondMax() {
    return resetsPerSecondMax;
  }

  /**
   * Changes {@link #resetsPerSecondMax()}.
   *
   * @param resets from 1 to 1,000,000
   * @return a changed copy
   */
  public PortLimits resetsPerSecondMax(int resets) {
    PortLimits copy = new PortLimits(this);
    copy.resetsPerSecondMax = within("resetsPerSecondMax", resets, 1, 1_000_000);
    return copy;
  }

  /**
   * How many frames that only make work (PING, SETTINGS, and such that this side must answer by a
   * reset) a peer may send in a second on one HTTP/2 connection, on average over ten seconds; 100
   * by default. A peer that sends more loses the connection.
   *
   * @return frames
   */
  public int controlFramesPerSecondMax() {
    return controlFramesPerSecondMax;
  }

  /**
   * Changes {@link #controlFramesPerSecondMax()}.
   *
   * @param frames from 1 to 1,000,000
   * @return a changed copy
   */
  public PortLimits controlFramesPerSecondMax(int frames) {
    PortLimits copy = new PortLimits(this);
    copy.controlFramesPerSecondMax = within("controlFramesPerSecondMax", frames, 1, 1_000_000);
    return copy;
  }

  /**
   * How long a request may take, its body among it, unless its handler decides otherwise; 10 s by
   * default. Then it is answered 503.
   *
   * @return a time
   */
  public Duration requestTimeout() {
    return requestTimeout;
  }

  /**
   * Changes {@link #requestTimeout()}.
   *
   * @param time from 1 s
   * @return a changed copy
   */
  public PortLimits requestTimeout(Duration time) {
    PortLimits copy = new PortLimits(this);
    copy.requestTimeout = checked("requestTimeout", time);
    return copy;
  }

  /**
   * How long a connection stays open that has no request under way; 1 min by default. A request
   * whose headers are not complete is not under way.
   *
   * @return a time
   */
  public Duration idleTimeout() {
    return idleTimeout;
  }

  /**
   * Changes {@link #idleTimeout()}.
   *
   * @param time from 1 s
   * @return a changed copy
   */
  public PortLimits idleTimeout(Duration time) {
    PortLimits copy = new PortLimits(this);
    copy.idleTimeout = checked("idleTimeout", time);
    return copy;
  }

  /**
   * How old a connection gets before its peer is told to open another, so that changed certificates
   * and instances take effect; 1 h by default. What is under way on it goes on.
   *
   * @return a time
   */
  public Duration connectionAgeMax() {
    return connectionAgeMax;
  }

  /**
   * Changes {@link #connectionAgeMax()}.
   *
   * @param time from 1 s
   * @return a changed copy
   */
  public PortLimits connectionAgeMax(Duration time) {
    PortLimits copy = new PortLimits(this);
    copy.connectionAgeMax = checked("connectionAgeMax", time);
    return copy;
  }

  /** Makes a server keep these limits. */
  void applyTo(ServerBuilder server, PeerGuard.ByAddress byAddress) {
    server
        .maxRequestLength(requestBytesMax)
        .http1MaxInitialLineLength(headerBytesMax)
        .http1MaxHeaderSize(headerBytesMax)
        .http2MaxHeaderListSize(headerBytesMax)
        .maxNumConnections(connectionsMax)
        .http2MaxStreamsPerConnection(streamsPerConnectionMax)
        .http2MaxFrameSize(networkFrameBytesMax)
        .http2MaxResetFramesPerWindow(
            (int) Math.min(Integer.MAX_VALUE, (long) resetsPerSecondMax * WINDOW_SECONDS),
            WINDOW_SECONDS)
        .requestTimeout(requestTimeout)
        .idleTimeout(idleTimeout)
        .maxConnectionAge(connectionAgeMax)
        .decorator(this::serve);
    server.childChannelPipelineCustomizer(pipeline -> PeerGuard.join(pipeline, this, byAddress));
  }

  private HttpResponse serve(
      HttpService delegate, ServiceRequestContext context, HttpRequest request) throws Exception {
    if (request.headers().size() > headersMax) {
      return EarlyAnswers.after(
          context, request, Problems.response(tooManyHeaders()).toHttpResponse());
    }
    HttpResponse answer = delegate.serve(context, request);
    return context.config().route().isFallback() // no such path, or no such method
        ? EarlyAnswers.after(context, request, answer)
        : answer;
  }

  private Problem tooManyHeaders() {
    return Problem.of(
        431, Problems.TOO_LARGE, "headers: too many (expected: at most " + headersMax + ")");
  }

  static int within(String name, int value, int least, int most) {
    if (value < least || value > most) {
      throw new IllegalArgumentException(
          name + ": " + value + " (expected: " + least + ".." + most + ")");
    }
    return value;
  }

  private static Duration checked(String name, Duration value) {
    if (requireNonNull(value, name).compareTo(Duration.ofSeconds(1)) < 0) {
      throw new IllegalArgumentException(name + ": " + value + " (expected: >= 1 s)");
    }
    return value;
  }
}
