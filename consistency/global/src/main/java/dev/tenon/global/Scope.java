package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import dev.tenon.global.GlobalTransactionException.Told;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The distributed transaction that a thread works for, as its starter or as a participant, and what
 * is known of the calls made for it. Belongs to the thread that runs the work; its calls may end on
 * others.
 */
class Scope {
  private static final ThreadLocal<@Nullable Scope> CURRENT = new ThreadLocal<>();

  private final Xid xid;
  private final String header;
  private final String prefix;
  private final AtomicInteger calls = new AtomicInteger();
  private Ledger ledger = Ledger.EMPTY; // guarded by this
  private volatile @Nullable Outcome decided;
  private volatile @Nullable Supplier<String> names;

  /**
   * Makes one.
   *
   * @param header the signed xid
   * @param prefix what the steps of its calls begin with: empty for the starter, else the step of
   *     the call that is served, and a full stop
   */
  Scope(Xid xid, String header, String prefix) {
    this.xid = requireNonNull(xid, "xid");
    this.header = requireNonNull(header, "header");
    this.prefix = requireNonNull(prefix, "prefix");
  }

  static Optional<Scope> current() {
    return Optional.ofNullable(CURRENT.get());
  }

  /** Makes it the current thread's, until the result is closed. */
  Entered enter() {
    return swap(this);
  }

  /** The current thread works for no transaction, until the result is closed. */
  static Entered leave() {
    return swap(null);
  }

  private static Entered swap(@Nullable Scope next) {
    Scope before = CURRENT.get();
    set(next);
    return () -> set(before);
  }

  private static void set(@Nullable Scope scope) {
    if (scope == null) {
      CURRENT.remove();
    } else {
      CURRENT.set(scope);
    }
  }

  /** Ends what was begun by entering. */
  @FunctionalInterface
  interface Entered extends AutoCloseable {
    @Override
    void close();
  }

  Xid xid() {
    return xid;
  }

  String header() {
    return header;
  }

  final synchronized Ledger ledger() {
    return ledger;
  }

  final synchronized void update(UnaryOperator<Ledger> change) {
    ledger = change.apply(ledger);
  }

  /** How it was decided here; empty while it may still call. */
  Optional<Outcome> decided() {
    return Optional.ofNullable(decided);
  }

  void decide(Outcome outcome) {
    decided = outcome;
  }

  /** A call under the next number, or under the name that was given for it. */
  final GlobalCall begin(String service) {
    Supplier<String> naming = names;
    return begin(
        service, naming == null ? Integer.toString(calls.incrementAndGet()) : naming.get());
  }

  /** Names the calls of this scope from now on. */
  final void nameCalls(Supplier<String> naming) {
    names = naming;
  }

  /** Whether its work may be run again, and then makes the calls again under the same names. */
  final boolean repeats() {
    return names != null;
  }

  /** A call under a name, unique among the calls of this scope. */
  synchronized GlobalCall begin(String service, String name) {
    Outcome outcome = decided;
    if (outcome != null) {
      throw new GlobalTransactionException(
          "Could not call "
              + service
              + " under the distributed transaction "
              + xid
              + ": it is "
              + outcome
              + " already. Make all calls before the transaction that writes this service's own"
              + " rows ends.",
          outcome == Outcome.COMMITTED ? Told.COMMITTED : Told.ABORTED,
          null);
    }
    String step = prefix + name;
    update(known -> known.begun(step, service));
    return new GlobalCall(this, step);
  }
}
