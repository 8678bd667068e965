package dev.tenon.global;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.transaction.UnitOfWork;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/** A distributed transaction in the service that starts it, from its start to its decision. */
final class StarterScope extends Scope {
  private final Starter owner;
  private final SignedXid signed;
  private final InstantSource clock;
  private Stage stage = Stage.CALLING; // guarded by this
  private @Nullable UnitOfWork unit; // guarded by this: what its decision is committed with
  private boolean outside; // guarded by this: whether that unit was open before

  /** How far it has come. */
  enum Stage {
    /** It may make calls. */
    CALLING,
    /** What it has called is fixed, and a commit is tried. */
    TRYING,
    /** The answer to that commit was lost. */
    UNKNOWN,
    COMMITTED,
    ABORTED
  }

  StarterScope(Starter owner, SignedXid signed, InstantSource clock) {
    super(signed.xid(), signed.header(), "");
    this.owner = owner;
    this.signed = signed;
    this.clock = clock;
  }

  Starter owner() {
    return owner;
  }

  SignedXid signed() {
    return signed;
  }

  synchronized Stage stage() {
    return stage;
  }

  /** Whether its decision is still to be given to a unit of work. */
  synchronized boolean isFree() {
    return stage == Stage.CALLING && unit == null;
  }

  /** Its decision goes with this unit of work. */
  synchronized void give(UnitOfWork to) {
    unit = to;
  }

  /** Its decision goes with a unit of work that was open before it, and ends after it. */
  synchronized void giveOutside(UnitOfWork to) {
    unit = to;
    outside = true;
  }

  synchronized boolean isOutside() {
    return outside;
  }

  /** The unit of work that was open before it. */
  synchronized @Nullable UnitOfWork outside() {
    return outside ? unit : null;
  }

  /** No call is begun from now on; answers what is known of those that were. */
  synchronized Ledger fix() {
    stage = Stage.TRYING;
    return ledger();
  }

  /** The unit of work has ended, and this is how it stands. */
  synchronized void ended(Stage how) {
    stage = how;
    unit = null;
    switch (how) {
      case COMMITTED -> decide(Outcome.COMMITTED);
      case ABORTED -> decide(Outcome.ABORTED);
      case CALLING, TRYING, UNKNOWN -> {}
    }
  }

  @Override
  synchronized GlobalCall begin(String service, String name) {
    switch (stage) {
      case TRYING, UNKNOWN ->
          throw new GlobalTransactionException(
              "Could not call "
                  + service
                  + " under the distributed transaction "
                  + xid()
                  + ": a commit of it is under way, or its answer was lost. Make all calls before"
                  + " the transaction that writes this service's own rows ends.",
              Told.UNKNOWN,
              null);
      case CALLING -> requireTime(service);
      case COMMITTED, ABORTED -> {} // refused by the rules for all scopes
    }
    return super.begin(service, name);
  }

  private void requireTime(String service) {
    if (clock.instant().isAfter(xid().deadline())) {
      throw new GlobalTransactionException(
          "Could not call "
              + service
              + " under the distributed transaction "
              + xid()
              + ": its deadline, "
              + xid().deadline()
              + ", has passed. Give it more time.",
          Told.ABORTED,
          null);
    }
  }
}
