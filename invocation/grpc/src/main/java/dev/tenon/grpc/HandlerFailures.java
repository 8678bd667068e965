package dev.tenon.grpc;

import dev.tenon.global.BranchRefusedException;
import dev.tenon.invocation.CallException;
import dev.tenon.invocation.Problem;
import dev.tenon.schema.Dialect;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import dev.tenon.transport.ServiceProblems;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a handler's exception is answered with. Tells only what was written to be told. */
final class HandlerFailures {
  /** The answer to what nobody expected. */
  static final Problem INTERNAL =
      Problem.of(500, "internal", "Could not answer: an unexpected error. Its log says more.");

  private static final Logger log = LoggerFactory.getLogger(HandlerFailures.class);

  /**
   * A status with its trailers.
   *
   * @param status the status
   * @param trailers its trailers
   */
  record Answer(Status status, Metadata trailers) {
    static Answer of(Problem problem) {
      return of(StatusMapping.exception(problem));
    }

    private static Answer of(StatusRuntimeException e) {
      Metadata trailers = e.getTrailers();
      return new Answer(e.getStatus(), trailers == null ? new Metadata() : trailers);
    }
  }

  private HandlerFailures() {}

  static Answer answer(String method, Throwable failure) {
    Optional<CallException> call = CallFailures.of(failure);
    if (call.isPresent()) {
      log.warn(
          "Could not answer, as a call to another service failed [method={}]", method, failure);
      return Answer.of(call.get().passedOn());
    }
    return switch (failure) {
      case StatusRuntimeException e -> Answer.of(e);
      case StatusException e -> {
        Metadata trailers = e.getTrailers();
        yield new Answer(e.getStatus(), trailers == null ? new Metadata() : trailers);
      }
      case BranchRefusedException e -> Answer.of(ServiceProblems.refused(e));
      case UnknownCommitOutcomeException e -> {
        log.warn("Could not tell whether a call was committed [method={}]", method, e);
        yield Answer.of(ServiceProblems.outcomeUnknown());
      }
      default -> {
        if (Dialect.connectionLostBehind(failure)) {
          log.warn("Could not answer, as the database is away [method={}]", method, failure);
          yield Answer.of(ServiceProblems.databaseAway());
        }
        log.warn("Could not answer [method={}]", method, failure);
        yield Answer.of(INTERNAL);
      }
    };
  }
}
