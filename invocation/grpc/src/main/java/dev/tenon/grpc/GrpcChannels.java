package dev.tenon.grpc;

import static java.util.Objects.requireNonNull;

import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transport.ServiceClient;
import io.grpc.Channel;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;

/**
 * Channels to services by name, for the stubs that gRPC generates.
 *
 * <p>A unary call goes through {@link ServiceClient#call}: it is balanced, repeated where that is
 * safe, and bounded as {@link dev.tenon.invocation.Calls} says. A stream is balanced and tried
 * once. A call's deadline is the earliest of its stub's, of gRPC's and Tenon's context, and of the
 * policy; it holds for a stream as a whole. Whether a unary call may be repeated is told by {@link
 * GrpcCallOptions}. The operation that policies and metrics name is the full method name, {@code
 * shop.v1.Stock/Reserve}.
 *
 * <p>Failures are {@link io.grpc.StatusRuntimeException}s with a {@link
 * dev.tenon.invocation.CallException} as cause; {@link CallFailures} finds it. Callbacks of stubs
 * without an executor run on virtual threads. A compressor that a stub asks for is not used for
 * unary calls, and call credentials are refused: who calls is the service itself. Thread-safe.
 */
public final class GrpcChannels {
  private static final int CHANNELS_MAX = 10_000;

  private final ChannelParts parts;
  private final Map<String, Channel> channels = new ConcurrentHashMap<>();

  private GrpcChannels(Builder builder) {
    this.parts =
        new ChannelParts(
            builder.client,
            builder.requestMessageBytesMax,
            builder.replyMessageBytesMax,
            builder.runtime.clock(),
            builder.executor);
  }

  /**
   * Channels with the defaults.
   *
   * @param client what carries the calls; it stays the caller's to close
   * @return channels
   */
  public static GrpcChannels of(ServiceClient client) {
    return builder(client).build();
  }

  /**
   * Begins.
   *
   * @param client what carries the calls; it stays the caller's to close
   * @return a builder
   */
  public static Builder builder(ServiceClient client) {
    return new Builder(client);
  }

  /**
   * The channel to a service.
   *
   * @param service its name; it need not be known yet
   * @return the channel, the same for the same name; nothing is connected by it
   */
  public Channel channel(String service) {
    requireNonNull(service, "service");
    if (channels.size() >= CHANNELS_MAX && !channels.containsKey(service)) {
      throw new IllegalStateException(
          "channels: more than " + CHANNELS_MAX + " (expected: names that are not made up)");
    }
    return channels.computeIfAbsent(service, name -> new ServiceChannel(name, parts));
  }

  /** Collects how channels are to be. Not thread-safe. */
  public static final class Builder {
    private final ServiceClient client;
    private int requestMessageBytesMax = GrpcPortService.MESSAGE_BYTES_MAX_DEFAULT;
    private int replyMessageBytesMax = GrpcPortService.MESSAGE_BYTES_MAX_DEFAULT;
    private TenonRuntime runtime = TenonRuntime.system();
    private Executor executor = Executors.newVirtualThreadPerTaskExecutor();

    private Builder(ServiceClient client) {
      this.client = requireNonNull(client, "client");
    }

    /**
     * The most bytes of a message that is sent; 4 MiB by default.
     *
     * @param value from 1
     * @return this
     */
    public Builder requestMessageBytesMax(int value) {
      requestMessageBytesMax = Limits.atLeastOne("requestMessageBytesMax", value);
      return this;
    }

    /**
     * The most bytes of a message that is taken; 4 MiB by default.
     *
     * @param value from 1
     * @return this
     */
    public Builder replyMessageBytesMax(int value) {
      replyMessageBytesMax = Limits.atLeastOne("replyMessageBytesMax", value);
      return this;
    }

    /**
     * Where time and threads come from; the system's runtime unless set.
     *
     * @param value the runtime
     * @return this
     */
    public Builder runtime(TenonRuntime value) {
      runtime = requireNonNull(value, "runtime");
      executor = Executors.newThreadPerTaskExecutor(value.threads());
      return this;
    }

    /**
     * Makes them.
     *
     * @return channels
     */
    public GrpcChannels build() {
      return new GrpcChannels(this);
    }
  }
}
