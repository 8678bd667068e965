package dev.tenon.spring;

import dev.tenon.global.RowLockedException;
import dev.tenon.schema.Dialect;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.dao.DataAccessResourceFailureException;
import org.springframework.dao.UncategorizedDataAccessException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.jdbc.CannotGetJdbcConnectionException;
import org.springframework.transaction.CannotCreateTransactionException;
import org.springframework.transaction.TransactionSystemException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/**
 * Answers 503 with a problem document (RFC 9457) when the service's database cannot be reached, and
 * when it went away during a commit. The application's own advice goes first.
 */
@RestControllerAdvice
@Order(Ordered.LOWEST_PRECEDENCE)
final class DatabaseProblems {
  private static final Logger log = LoggerFactory.getLogger(DatabaseProblems.class);
  private static final String RETRY_AFTER_SECONDS = "1";

  private final ServiceDatabase database;

  DatabaseProblems(ServiceDatabase database) {
    this.database = database;
  }

  @ExceptionHandler({
    CannotCreateTransactionException.class,
    CannotGetJdbcConnectionException.class
  })
  ResponseEntity<ProblemDetail> unreachable(RuntimeException failure) {
    return problem(
        failure, "Database unavailable", "Nothing was changed: send the request again later.");
  }

  @ExceptionHandler(DataAccessResourceFailureException.class)
  ResponseEntity<ProblemDetail> lost(RuntimeException failure) {
    return problem(
        failure,
        "Database unavailable",
        "The connection broke in the middle: what was not committed is undone. Look before you"
            + " repeat a request that is not idempotent.");
  }

  @ExceptionHandler(UnknownCommitOutcomeException.class)
  ResponseEntity<ProblemDetail> unknown(UnknownCommitOutcomeException failure) {
    return problem(
        failure,
        "Outcome unknown",
        "The change may have been made or not: look, or repeat the request if that is harmless.");
  }

  /** A row that a distributed transaction has changed, which has not ended yet. */
  @ExceptionHandler(UncategorizedDataAccessException.class)
  ResponseEntity<ProblemDetail> locked(UncategorizedDataAccessException failure) {
    RowLockedException locked = RowLockedException.behind(failure).orElseThrow(() -> failure);
    ProblemDetail problem = ProblemDetail.forStatus(HttpStatus.SERVICE_UNAVAILABLE);
    problem.setTitle("Row locked");
    problem.setDetail(locked.getMessage());
    problem.setProperty("reason", "row-locked");
    return ResponseEntity.of(problem).header(HttpHeaders.RETRY_AFTER, RETRY_AFTER_SECONDS).build();
  }

  /** These have other causes too, which are none of ours. */
  @ExceptionHandler({TransactionException.class, TransactionSystemException.class})
  ResponseEntity<ProblemDetail> failed(RuntimeException failure) {
    if (causedByLostConnection(failure)) {
      return lost(failure);
    }
    throw failure;
  }

  /** Whether the database went away, however the exception is wrapped. */
  boolean causedByLostConnection(@Nullable Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof DataAccessResourceFailureException
          || cause instanceof CannotCreateTransactionException) {
        return true;
      }
    }
    return failure != null && Dialect.connectionLostBehind(failure);
  }

  private ResponseEntity<ProblemDetail> problem(Exception failure, String title, String advice) {
    log.atWarn()
        .addKeyValue("service", database.service())
        .addKeyValue("cause", failure.getMessage())
        .log("{}: answered 503", title);
    ProblemDetail problem = ProblemDetail.forStatus(HttpStatus.SERVICE_UNAVAILABLE);
    problem.setTitle(title);
    problem.setDetail(
        "The database of service " + database.service() + " cannot be reached. " + advice);
    return ResponseEntity.of(problem).header(HttpHeaders.RETRY_AFTER, RETRY_AFTER_SECONDS).build();
  }
}
