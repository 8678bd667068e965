package dev.tenon.messaging;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Hands the trace context of the message being handled on to the messages published meanwhile. */
final class TraceScope {
  private final ThreadLocal<@Nullable String> traceparent = new ThreadLocal<>();

  void enter(Message message) {
    String value = message.headers().get(Message.TRACEPARENT);
    if (value == null) {
      traceparent.remove();
    } else {
      traceparent.set(value);
    }
  }

  void leave() {
    traceparent.remove();
  }

  Map<String, String> headers() {
    String value = traceparent.get();
    return value == null ? Map.of() : Map.of(Message.TRACEPARENT, value);
  }
}
