package dev.tenon.global;

/**
 * A saga's {@link Pivot} was refused for good: it was not done, and no repetition under its key
 * will do it. To be thrown only for a definite answer that says so; a lost connection, a time limit
 * or an error of the callee say nothing.
 */
public class PivotRefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes one.
   *
   * @param reason why the saga is aborted, kept with it
   */
  public PivotRefusedException(String reason) {
    super(reason);
  }

  /**
   * Makes one.
   *
   * @param reason why the saga is aborted, kept with it
   * @param cause the callee's answer
   */
  public PivotRefusedException(String reason, Throwable cause) {
    super(reason, cause);
  }
}
