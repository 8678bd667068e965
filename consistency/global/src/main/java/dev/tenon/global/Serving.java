package dev.tenon.global;

import dev.tenon.transaction.UnitOfWork;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A call that a thread handles as a participant. Belongs to that thread. */
final class Serving {
  private static final ThreadLocal<@Nullable Serving> CURRENT = new ThreadLocal<>();

  private final BranchCall call;
  private final SignedXid signed;
  private final Scope scope;
  private final boolean reading;
  private @Nullable UnitOfWork unit;
  private @Nullable Branch own;
  private @Nullable XaEnlistment enlisted;

  Serving(BranchCall call, SignedXid signed) {
    this(call, signed, false);
  }

  private Serving(BranchCall call, SignedXid signed, boolean reading) {
    this.reading = reading;
    this.call = call;
    this.signed = signed;
    this.scope = new Scope(signed.xid(), signed.header(), call.step() + ".");
  }

  /** A call whose reply is not stored, and that begins units of work by itself, if any. */
  static Serving reading(BranchCall call, SignedXid signed) {
    return new Serving(call, signed, true);
  }

  boolean isReading() {
    return reading;
  }

  static Optional<Serving> current() {
    return Optional.ofNullable(CURRENT.get());
  }

  /** The current thread works for this call, until the result is closed. */
  Scope.Entered enter() {
    Serving before = CURRENT.get();
    CURRENT.set(this);
    Scope.Entered scoped = scope.enter();
    return () -> {
      scoped.close();
      if (before == null) {
        CURRENT.remove();
      } else {
        CURRENT.set(before);
      }
    };
  }

  /** The current thread works for no call and no transaction, until the result is closed. */
  static Scope.Entered leave() {
    Serving before = CURRENT.get();
    CURRENT.remove();
    Scope.Entered scoped = Scope.leave();
    return () -> {
      scoped.close();
      if (before != null) {
        CURRENT.set(before);
      }
    };
  }

  BranchCall call() {
    return call;
  }

  BranchRow.Key key() {
    return new BranchRow.Key(signed.xid(), call.step());
  }

  SignedXid signed() {
    return signed;
  }

  /** The unit of work that its branch must be opened in; empty before it is begun. */
  Optional<UnitOfWork> unit() {
    return Optional.ofNullable(unit);
  }

  void begun(UnitOfWork value) {
    unit = value;
  }

  /** Its automatic branch, if what it has done has opened one. */
  Optional<UUID> automatic() {
    return own().filter(branch -> branch.kind() == BranchKind.AT).map(Branch::id);
  }

  Optional<Branch> own() {
    return Optional.ofNullable(own);
  }

  void opened(Branch branch) {
    own = branch;
  }

  /** Its transactions on other databases; empty if it has not opened an XA branch. */
  Optional<XaEnlistment> enlisted() {
    return Optional.ofNullable(enlisted);
  }

  void enlisted(XaEnlistment value) {
    enlisted = value;
  }

  /** What to say when it has done what it does. */
  Listing listing() {
    Listing calls = scope.ledger().listing();
    if (own == null) {
      return calls;
    }
    if (calls.kept().size() + calls.dropped().size() >= Listing.BRANCHES_MAX) {
      return Listing.INCOMPLETE;
    }
    List<Branch> kept = new ArrayList<>();
    kept.add(own);
    kept.addAll(calls.kept());
    return new Listing(calls.complete(), kept, calls.dropped());
  }

  /** What to say when its own effects are rolled back. */
  Listing dropped() {
    return (reading ? listing() : scope.ledger().listing()).refused();
  }
}
