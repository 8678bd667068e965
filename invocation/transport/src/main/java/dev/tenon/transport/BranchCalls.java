package dev.tenon.transport;

import dev.tenon.global.BranchCall;
import dev.tenon.global.Listing;
import java.util.Optional;

/** What servers of all protocols do alike with calls under a distributed transaction. */
public final class BranchCalls {
  /** The most characters of a listing that is sent; a longer one is sent as incomplete. */
  public static final int LISTING_LENGTH_MAX = 6000;

  private BranchCalls() {}

  /**
   * Which call under a distributed transaction a request is.
   *
   * @param call the request
   * @param operation what is called
   * @return the call; empty if it comes under no transaction
   * @throws IllegalArgumentException if only one of both headers came, or the step is none
   */
  public static Optional<BranchCall> of(IncomingCall call, String operation) {
    return of(call.context().xid(), call.context().step(), call.caller(), operation);
  }

  /**
   * Which call under a distributed transaction a request is.
   *
   * @param xid the header {@code tenon-xid}
   * @param step the header {@code tenon-step}
   * @param caller who calls
   * @param operation what is called
   * @return the call; empty if it comes under no transaction
   * @throws IllegalArgumentException if only one of both headers came, or the step is none
   */
  public static Optional<BranchCall> of(
      Optional<String> xid, Optional<String> step, String caller, String operation) {
    if (xid.isPresent() != step.isPresent()) {
      throw new IllegalArgumentException(
          xid.isPresent()
              ? "tenon-step: missing (expected: one, beside tenon-xid)"
              : "tenon-xid: missing (expected: one, beside tenon-step)");
    }
    return xid.map(text -> new BranchCall(text, step.orElseThrow(), caller, operation));
  }

  /**
   * A listing that fits into an answer's headers.
   *
   * @param listing the listing
   * @return the same, or that it is incomplete
   */
  public static String fitting(String listing) {
    return listing.length() <= LISTING_LENGTH_MAX ? listing : Listing.INCOMPLETE.text();
  }
}
