package dev.tenon.global;

import static java.util.Objects.requireNonNull;

/** A call under a distributed transaction was refused before anything was done for it. */
public final class BranchRefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  /** Why. */
  public enum Reason {
    /** The xid is malformed or not signed by the service that it names. */
    NOT_GENUINE,

    /** The transaction, or this step of it, is over. */
    OVER,

    /** The transaction's hard deadline has passed. */
    TOO_LATE,

    /** A try under the same step has not ended. */
    STILL_RUNNING,

    /** The call comes under no transaction, and makes no sense without one. */
    NO_TRANSACTION
  }

  /**
   * Says why.
   *
   * @param reason why
   * @param message what was refused and what to do
   */
  public BranchRefusedException(Reason reason, String message) {
    super(message);
    this.reason = requireNonNull(reason, "reason");
  }

  /**
   * Why.
   *
   * @return the reason
   */
  public Reason reason() {
    return reason;
  }
}
