package dev.tenon.spring;

import dev.tenon.messaging.Message;
import dev.tenon.messaging.Outbox;
import dev.tenon.messaging.OutgoingMessage;
import java.util.UUID;

/** Gives messages the trace of the request that they come from. */
final class TracingOutbox implements Outbox {
  private final Outbox outbox;
  private final TraceSource trace;

  TracingOutbox(Outbox outbox, TraceSource trace) {
    this.outbox = outbox;
    this.trace = trace;
  }

  @Override
  public UUID publish(OutgoingMessage message) {
    if (message.headers().containsKey(Message.TRACEPARENT)) {
      return outbox.publish(message);
    }
    return outbox.publish(
        trace
            .traceparent()
            .map(value -> message.header(Message.TRACEPARENT, value))
            .orElse(message));
  }
}
