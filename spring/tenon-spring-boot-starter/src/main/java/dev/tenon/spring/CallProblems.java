package dev.tenon.spring;

import dev.tenon.invocation.CallException;
import dev.tenon.invocation.NotSentException;
import dev.tenon.invocation.Problem;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/**
 * Answers 502, 503 or 504 when a call to another service failed and the application did not deal
 * with it. The application's own advice goes first.
 */
@RestControllerAdvice
@Order(Ordered.LOWEST_PRECEDENCE)
final class CallProblems {
  private static final Logger log = LoggerFactory.getLogger(CallProblems.class);
  private static final String RETRY_AFTER_SECONDS = "1";

  @ExceptionHandler(CallException.class)
  ResponseEntity<ProblemDetail> failed(CallException failure) {
    Problem passedOn = failure.passedOn();
    log.atWarn()
        .addKeyValue("service", failure.service())
        .addKeyValue("operation", failure.operation())
        .addKeyValue("cause", failure.getMessage())
        .log("call failed: answered {}", passedOn.status());
    ProblemDetail problem =
        ProblemDetail.forStatusAndDetail(
            HttpStatusCode.valueOf(passedOn.status()), passedOn.detail());
    problem.setTitle(passedOn.title());
    passedOn.members().forEach(problem::setProperty);
    ResponseEntity.HeadersBuilder<?> answer = ResponseEntity.of(problem);
    return failure instanceof NotSentException
        ? answer.header(HttpHeaders.RETRY_AFTER, RETRY_AFTER_SECONDS).build()
        : answer.build();
  }
}
