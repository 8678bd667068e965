package dev.tenon.invocation;

import org.jspecify.annotations.Nullable;

/**
 * A call that gave no result. What a caller may do next depends on which of the three kinds it is:
 * the callee answered with a problem, it was certainly never asked, or nobody knows.
 */
public abstract sealed class CallException extends RuntimeException
    permits RemoteProblemException, NotSentException, UnknownOutcomeException {
  private static final long serialVersionUID = 1L;

  private final String service;
  private final String operation;
  private final int attempts;

  CallException(Target target, int attempts, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.service = target.service();
    this.operation = target.operation();
    this.attempts = attempts;
  }

  static String text(Target target, int attempts, String reason) {
    return "Could not call a service [service=%s, operation=%s, attempts=%d]: %s"
        .formatted(target.service(), target.operation(), attempts, reason);
  }

  /**
   * The called service.
   *
   * @return its name
   */
  public String service() {
    return service;
  }

  /**
   * What was called.
   *
   * @return the operation's name: of an interface's method, or of a gRPC method
   */
  public String operation() {
    return operation;
  }

  /**
   * How many attempts were made.
   *
   * @return from 0, for a call that was refused before it was sent
   */
  public int attempts() {
    return attempts;
  }

  /**
   * As what a service that made this call passes its failure on to its own caller.
   *
   * @return a problem: 502 if the callee answered with one, marked as {@linkplain
   *     Problem#isLasting() lasting} if that one is; 503 if nothing was done; 504 if nobody knows
   */
  public Problem passedOn() {
    String detail = String.valueOf(getMessage());
    return switch (this) {
      case RemoteProblemException e -> {
        Problem passedOn = Problem.of(502, "remote-problem", detail);
        yield e.problem().isLasting() ? passedOn.lasting() : passedOn;
      }
      case NotSentException e -> Problem.of(503, "not-sent", detail);
      case UnknownOutcomeException e -> Problem.of(504, "unknown-outcome", detail);
    };
  }
}
