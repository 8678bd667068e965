package dev.tenon.grpc;

import dev.tenon.invocation.CallException;
import dev.tenon.invocation.NotSentException;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.invocation.UnknownOutcomeException;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The typed failure behind what a stub throws.
 *
 * <p>Stubs throw {@link StatusRuntimeException}, as they do everywhere. On channels of {@link
 * GrpcChannels} its cause is the {@link CallException} that a REST client would throw: with the
 * service, the operation, the attempts, and the callee's problem. Thread-safe.
 */
public final class CallFailures {
  private static final int CAUSES_MAX = 16;

  private CallFailures() {}

  /**
   * Calls, and throws the typed failure itself.
   *
   * @param call a call of a stub that blocks
   * @param <T> its answer
   * @return the answer
   * @throws CallException if the call failed
   * @throws StatusRuntimeException if it failed otherwise: it was cancelled, or the message could
   *     not be written or read here
   */
  public static <T> T typed(Supplier<T> call) {
    try {
      return call.get();
    } catch (StatusRuntimeException e) {
      throw of(e).<RuntimeException>map(failure -> failure).orElse(e);
    }
  }

  /**
   * The typed failure behind a failure.
   *
   * @param failure what a stub threw, gave to {@code onError}, or its future failed with
   * @return the failure; empty if it has another reason
   */
  public static Optional<CallException> of(Throwable failure) {
    Throwable cause = failure;
    for (int i = 0; cause != null && i < CAUSES_MAX; i++) {
      if (cause instanceof CallException found) {
        return Optional.of(found);
      }
      Throwable next = cause.getCause();
      if (next == null && cause instanceof StatusException e) {
        next = e.getStatus().getCause();
      }
      cause = next;
    }
    return Optional.empty();
  }

  /** The status with which a stub's call fails. */
  static Status status(CallException failure) {
    Status.Code code =
        switch (failure) {
          case RemoteProblemException e -> StatusMapping.code(e.status());
          case NotSentException e ->
              switch (e.reason()) {
                case DEADLINE -> Status.Code.DEADLINE_EXCEEDED;
                case OVERLOADED -> Status.Code.RESOURCE_EXHAUSTED;
                case UNKNOWN_SERVICE, NO_ENDPOINT, UNREACHABLE -> Status.Code.UNAVAILABLE;
              };
          case UnknownOutcomeException e ->
              switch (e.reason()) {
                case DEADLINE -> Status.Code.DEADLINE_EXCEEDED;
                case BROKEN -> Status.Code.UNKNOWN;
              };
        };
    return code.toStatus().withDescription(failure.getMessage()).withCause(failure);
  }
}
