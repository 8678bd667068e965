package dev.tenon.global;

import static java.util.Objects.requireNonNull;

/**
 * A call that came under a distributed transaction.
 *
 * @param xid the signed xid: the header {@code tenon-xid}
 * @param step the call's place in the transaction: the header {@code tenon-step}
 * @param caller the calling service, which has proved who it is
 * @param operation what is called
 */
public record BranchCall(String xid, String step, String caller, String operation) {
  /** Checks that nothing is missing. */
  public BranchCall {
    requireNonNull(xid, "xid");
    Branch.requireStep(step);
    requireNonNull(caller, "caller");
    requireNonNull(operation, "operation");
  }
}
