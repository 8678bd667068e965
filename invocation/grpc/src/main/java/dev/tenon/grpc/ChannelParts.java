package dev.tenon.grpc;

import dev.tenon.invocation.CallContext;
import dev.tenon.transport.ServiceClient;
import io.grpc.CallOptions;
import io.grpc.Context;
import io.grpc.Deadline;
import java.time.InstantSource;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What the calls of all channels share. */
record ChannelParts(
    ServiceClient client,
    int requestMessageBytesMax,
    int replyMessageBytesMax,
    InstantSource clock,
    Executor executor) {

  int requestMessageBytesMax(CallOptions options) {
    Integer own = options.getMaxOutboundMessageSize();
    return own == null ? requestMessageBytesMax : own;
  }

  int replyMessageBytesMax(CallOptions options) {
    Integer own = options.getMaxInboundMessageSize();
    return own == null ? replyMessageBytesMax : own;
  }

  Executor executor(CallOptions options) {
    Executor own = options.getExecutor();
    return own == null ? executor : own;
  }

  /** The current context, with the deadlines of gRPC's own context and of the stub. */
  CallContext context(CallOptions options) {
    CallContext context = CallContext.current();
    context = until(context, options.getDeadline());
    return until(context, Context.current().getDeadline());
  }

  private CallContext until(CallContext context, @Nullable Deadline deadline) {
    return deadline == null
        ? context
        : context.withDeadline(
            clock.instant().plusNanos(deadline.timeRemaining(TimeUnit.NANOSECONDS)));
  }
}
