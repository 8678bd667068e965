package dev.tenon.transport;

import dev.tenon.invocation.Problem;

/** Carries a problem up to where the answer is written. */
final class ProblemException extends TransportException {
  private static final long serialVersionUID = 1L;
  private final transient Problem problem;

  ProblemException(Problem problem) {
    super(problem.detail());
    this.problem = problem;
  }

  Problem problem() {
    return problem;
  }
}
