package dev.tenon.rest;

import static java.util.Objects.requireNonNull;

import dev.tenon.invocation.Problem;

/** Thrown by a handler to answer with a problem. Nothing of it is logged. */
public final class RestException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Problem problem;

  /**
   * Makes the exception.
   *
   * @param problem what to answer
   */
  public RestException(Problem problem) {
    super(requireNonNull(problem, "problem").detail());
    this.problem = problem;
  }

  /**
   * What is answered.
   *
   * @return the problem
   */
  public Problem problem() {
    return problem;
  }
}
