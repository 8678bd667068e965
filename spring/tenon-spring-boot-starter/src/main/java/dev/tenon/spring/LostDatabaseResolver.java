package dev.tenon.spring;

import dev.tenon.runtime.Json;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.servlet.HandlerExceptionResolver;
import org.springframework.web.servlet.ModelAndView;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/**
 * Answers 503 for what nobody else has answered and what a lost database is behind, whatever
 * exception a persistence library made of it. It comes after all of the application's own.
 */
final class LostDatabaseResolver implements HandlerExceptionResolver, WebMvcConfigurer {
  private static final Logger log = LoggerFactory.getLogger(LostDatabaseResolver.class);

  private final DatabaseProblems problems;

  LostDatabaseResolver(DatabaseProblems problems) {
    this.problems = problems;
  }

  @Override
  public void extendHandlerExceptionResolvers(List<HandlerExceptionResolver> resolvers) {
    resolvers.add(this);
  }

  @Override
  public @Nullable ModelAndView resolveException(
      HttpServletRequest request,
      HttpServletResponse response,
      @Nullable Object handler,
      Exception failure) {
    if (!(failure instanceof RuntimeException runtime)
        || response.isCommitted()
        || !problems.causedByLostConnection(failure)) {
      return null;
    }
    ResponseEntity<ProblemDetail> answer = problems.lost(runtime);
    ProblemDetail problem = Objects.requireNonNull(answer.getBody());
    try {
      response.setStatus(problem.getStatus());
      answer.getHeaders().forEach((name, values) -> response.setHeader(name, values.getFirst()));
      response.setContentType(MediaType.APPLICATION_PROBLEM_JSON_VALUE);
      response
          .getOutputStream()
          .write(
              Json.write(
                  Map.of(
                      "status", problem.getStatus(),
                      "title", String.valueOf(problem.getTitle()),
                      "detail", String.valueOf(problem.getDetail()))));
      return new ModelAndView();
    } catch (IOException e) {
      log.atDebug().setCause(e).log("answer not delivered");
      return null;
    }
  }
}
