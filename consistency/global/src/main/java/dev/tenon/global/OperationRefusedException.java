package dev.tenon.global;

import static java.util.Objects.requireNonNull;

/** An operator's change was refused, and nothing was done. */
public final class OperationRefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  /** Why. */
  public enum Reason {
    /** What it is about is not there. */
    UNKNOWN,
    /** It makes no sense as things stand. */
    NOT_POSSIBLE,
    /** Somebody else is working on it: try again in a moment. */
    BUSY
  }

  /**
   * Says why.
   *
   * @param reason what a caller can do
   * @param message what could not be done, how it stands, and what to do
   */
  public OperationRefusedException(Reason reason, String message) {
    super(message);
    this.reason = requireNonNull(reason, "reason");
  }

  /**
   * Why it was refused.
   *
   * @return the reason
   */
  public Reason reason() {
    return reason;
  }
}
