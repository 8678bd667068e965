package dev.tenon.global;

/**
 * Takes a saga's thread out of its code. An error, so that code which catches exceptions lets it
 * pass; it is never seen outside of the engine.
 */
final class SagaPause extends Error {
  private static final long serialVersionUID = 1L;

  private final transient Reason reason;

  /** Why the code was left. */
  sealed interface Reason {
    /** What is to be waited for is stored. */
    record Asleep() implements Reason {}

    /** A step could not be done now. */
    record Later(Exception failure) implements Reason {}

    /**
     * The code has failed where it cannot be aborted: it is run again, a limited number of times.
     */
    record Failed(Exception failure) implements Reason {}

    /** Nobody knows what became of the pivot. */
    record InDoubt(Exception failure) implements Reason {}

    /** The pivot was refused. */
    record Refused(PivotRefusedException refusal) implements Reason {}

    /** Another instance runs the saga, or it is decided otherwise. */
    record Lost() implements Reason {}

    /** A person must look at it. */
    record Park(String why) implements Reason {}
  }

  SagaPause(Reason reason) {
    super(reason.toString(), null, false, false);
    this.reason = reason;
  }

  Reason reason() {
    return reason;
  }
}
