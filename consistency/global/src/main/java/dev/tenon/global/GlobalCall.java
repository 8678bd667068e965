package dev.tenon.global;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One call to another service, made under a distributed transaction. A transport asks for one
 * before it sends a call, sends {@link #xid()} and {@link #step()} along, and says how it ended. A
 * call that is repeated by the transport is one call, under one step. Thread-safe.
 */
public final class GlobalCall {
  private final Scope scope;
  private final String step;

  GlobalCall(Scope scope, String step) {
    this.scope = scope;
    this.step = step;
  }

  /**
   * Begins a call if the current thread works for a distributed transaction.
   *
   * @param service the service that is called
   * @return the call; empty if the thread works for none
   * @throws GlobalTransactionException if the transaction is decided already: nothing may be sent
   *     under it
   */
  public static Optional<GlobalCall> begin(String service) {
    return Scope.current().map(scope -> scope.begin(service));
  }

  /**
   * The transaction.
   *
   * @return the signed xid, for the header {@code tenon-xid}
   */
  public String xid() {
    return scope.header();
  }

  /**
   * The call's place in the transaction; with the xid it is the idempotency key.
   *
   * @return the step, for the header {@code tenon-step}
   */
  public String step() {
    return step;
  }

  /**
   * The call was answered, and has done what it does.
   *
   * @param listing the response's header {@link Listing#HEADER}; null if it has none, and then the
   *     transaction can only be aborted
   */
  public void answered(@Nullable String listing) {
    scope.update(ledger -> ledger.answered(step, read(listing)));
  }

  /**
   * The call was answered by an error.
   *
   * @param listing the response's header {@link Listing#HEADER}; null if it has none, and then
   *     nobody knows what became of the call
   */
  public void refused(@Nullable String listing) {
    if (listing == null) {
      unknown();
    } else {
      scope.update(ledger -> ledger.refused(step, read(listing)));
    }
  }

  /**
   * The call was answered by an error that the callee does not store: asked again, it may answer
   * otherwise. A saga asks again, since all its runs must see the same; for any other caller it is
   * as a refusal.
   *
   * @param listing the response's header {@link Listing#HEADER}; null if it has none
   */
  public void failed(@Nullable String listing) {
    if (scope.repeats()) {
      unknown();
    } else {
      refused(listing);
    }
  }

  /** The call was certainly not sent. */
  public void notSent() {
    scope.update(ledger -> ledger.notSent(step));
  }

  /** Nobody knows what became of the call: the transaction can only be aborted. */
  public void unknown() {
    scope.update(ledger -> ledger.unknown(step));
  }

  private static Listing read(@Nullable String listing) {
    if (listing == null) {
      return Listing.INCOMPLETE;
    }
    try {
      return Listing.parse(listing);
    } catch (IllegalArgumentException e) {
      return Listing.INCOMPLETE; // what cannot be read may name anything
    }
  }
}
