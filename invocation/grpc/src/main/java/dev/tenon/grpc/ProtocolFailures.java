package dev.tenon.grpc;

import com.linecorp.armeria.common.RequestContext;
import com.linecorp.armeria.common.grpc.GrpcExceptionHandlerFunction;
import com.linecorp.armeria.server.RequestTimeoutException;
import dev.tenon.invocation.Problem;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.CancellationException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The statuses of what fails outside handlers: messages that are too large or cannot be read, calls
 * whose time is up. Thread-safe.
 */
final class ProtocolFailures implements GrpcExceptionHandlerFunction {
  private static final Logger log = LoggerFactory.getLogger(ProtocolFailures.class);
  private static final GrpcExceptionHandlerFunction USUAL = GrpcExceptionHandlerFunction.of();

  @Override
  public Status apply(RequestContext context, Status status, Throwable cause, Metadata metadata) {
    if (cause instanceof RequestTimeoutException) {
      return rich(Problem.of(504, "deadline", "The caller's deadline has passed."), metadata);
    }
    if (cause instanceof CancellationException) {
      return Status.CANCELLED; // the call is over, or its caller has gone: nobody is told
    }
    Status usual = USUAL.apply(context, status, cause, metadata);
    if (usual.getCode() == Status.Code.UNKNOWN) {
      log.warn("Could not answer [path={}]", context.path(), cause);
      return rich(HandlerFailures.INTERNAL, metadata);
    }
    return usual.withCause(null);
  }

  private static Status rich(Problem problem, Metadata metadata) {
    var exception = StatusMapping.exception(problem);
    Metadata trailers = exception.getTrailers();
    if (trailers != null) {
      metadata.merge(trailers);
    }
    return exception.getStatus();
  }
}
