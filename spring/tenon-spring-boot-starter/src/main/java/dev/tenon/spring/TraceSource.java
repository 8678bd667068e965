package dev.tenon.spring;

import java.util.Optional;

/** Where a message that starts a trace in this service gets its W3C {@code traceparent} from. */
@FunctionalInterface
interface TraceSource {
  /** What this thread works for; empty if it is not known. */
  Optional<String> traceparent();
}
