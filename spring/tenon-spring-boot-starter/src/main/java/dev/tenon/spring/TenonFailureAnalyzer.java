package dev.tenon.spring;

import dev.tenon.global.AutomaticTableException;
import dev.tenon.schema.SchemaException;
import dev.tenon.transport.TransportException;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.diagnostics.FailureAnalyzer;

/**
 * Says in one sentence why a service could not start, and in another what to do: no or several data
 * sources, a database that is unreachable, refuses the login or is newer, a port in use, a table
 * that cannot be opted in.
 */
final class TenonFailureAnalyzer implements FailureAnalyzer {
  /** Made by Spring Boot. */
  TenonFailureAnalyzer() {}

  @Override
  public @Nullable FailureAnalysis analyze(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      switch (cause) {
        case SetupException setup -> {
          return new FailureAnalysis(setup.getMessage(), setup.action(), setup);
        }
        case SchemaException schema -> {
          return sentences(schema);
        }
        case TransportException transport -> {
          return sentences(transport);
        }
        case AutomaticTableException table -> {
          return sentences(table);
        }
        default -> {}
      }
    }
    return null;
  }

  /** Their messages end with what to do. */
  private static FailureAnalysis sentences(Throwable failure) {
    String message = String.valueOf(failure.getMessage());
    int last = message.lastIndexOf(". ", message.length() - 2);
    return last < 0
        ? new FailureAnalysis(message, null, failure)
        : new FailureAnalysis(message.substring(0, last + 1), message.substring(last + 2), failure);
  }
}
