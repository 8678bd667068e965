package dev.tenon.invocation;

/** The callee has answered, and its answer is a problem. */
public final class RemoteProblemException extends CallException {
  private static final long serialVersionUID = 1L;

  private final transient Problem problem;

  /**
   * Makes the exception.
   *
   * @param target what was called
   * @param attempts which attempt was answered, from 1
   * @param problem the answer
   */
  public RemoteProblemException(Target target, int attempts, Problem problem) {
    super(
        target,
        attempts,
        text(
            target,
            attempts,
            "it answered %d %s%s"
                .formatted(
                    problem.status(),
                    problem.title(),
                    problem.detail().isEmpty() ? "." : ": " + problem.detail())),
        null);
    this.problem = problem;
  }

  /**
   * What the callee said.
   *
   * @return the problem document
   */
  public Problem problem() {
    return problem;
  }

  /**
   * The status of the answer.
   *
   * @return an HTTP status, also where the call went over gRPC
   */
  public int status() {
    return problem.status();
  }
}
