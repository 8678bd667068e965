package dev.tenon.testing.database;

/** A start failed for a reason that is understood; never leaves this package. */
final class StartFailure extends Exception {

  private static final long serialVersionUID = 1L;

  private final transient Reason reason;

  StartFailure(Reason reason) {
    super(reason.toString());
    this.reason = reason;
  }

  Reason reason() {
    return reason;
  }
}
