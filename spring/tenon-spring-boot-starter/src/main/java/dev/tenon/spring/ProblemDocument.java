package dev.tenon.spring;

import dev.tenon.invocation.Problem;
import dev.tenon.transport.ServiceProblems;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.springframework.http.HttpHeaders;

/** Writes problems that are answered before, or instead of, a handler. */
final class ProblemDocument {
  private static final String AGAIN_SECONDS = "1";

  private ProblemDocument() {}

  static void answer(HttpServletResponse response, Problem problem) throws IOException {
    byte[] document = problem.json();
    if (ServiceProblems.passesSoon(problem)) {
      response.setHeader(HttpHeaders.RETRY_AFTER, AGAIN_SECONDS);
    }
    response.setStatus(problem.status());
    response.setContentType(Problem.MEDIA_TYPE);
    response.setContentLength(document.length);
    response.getOutputStream().write(document);
  }

  /** The document of a status that came without a body. */
  static byte[] of(int status) {
    return Problem.of(status, "refused", "").json();
  }
}
