package dev.tenon.spring;

import dev.tenon.invocation.Problem;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.jspecify.annotations.Nullable;

/**
 * Answers with a problem document (RFC 9457) what never gets to the application, as Tomcat cannot
 * make a request of it: a malformed request line, headers that are too large. Thread-safe.
 */
final class ProblemReportValve extends ErrorReportValve {
  private static final int DETAIL_LENGTH_MAX = 200;

  @Override
  protected void report(Request request, Response response, @Nullable Throwable failure) {
    int status = response.getStatus();
    if (status < 400 || response.getContentWritten() > 0 || !response.setErrorReported()) {
      return;
    }
    try {
      ProblemDocument.answer(response, problem(status, failure));
      response.finishResponse();
    } catch (IOException e) {
      container.getLogger().debug("Nobody waits for the answer any more", e);
    }
  }

  private static Problem problem(int status, @Nullable Throwable failure) {
    if (status >= 500) {
      return Problem.of(status, "internal", "The service failed; its own log says why.");
    }
    String reason = status == 404 ? "no-such-path" : "invalid";
    // Tomcat's words about what it could not read; there is no code of the application behind them.
    String words = failure == null ? null : failure.getMessage();
    return Problem.of(status, reason, words == null ? "" : shortened(words));
  }

  private static String shortened(String words) {
    return words.length() <= DETAIL_LENGTH_MAX ? words : words.substring(0, DETAIL_LENGTH_MAX);
  }
}
