package dev.tenon.global;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What one run of a transaction knows of the calls it has made: the starter's, or that of a
 * participant that calls on. Immutable; each change gives a new one.
 *
 * @param calls by step, in the order in which they ended
 * @param rollbackOnly why it can only be aborted, whatever the calls say
 */
record Ledger(Map<String, Made> calls, Optional<String> rollbackOnly) {
  static final Ledger EMPTY = new Ledger(Map.of(), Optional.empty());

  /** A call that was made. */
  sealed interface Made {
    String service();

    /** It is under way. */
    record InFlight(String service) implements Made {}

    /** It was answered, with a refusal perhaps. */
    record Answered(String service, Listing listing) implements Made {}

    /** Nobody knows what became of it. */
    record Unknown(String service) implements Made {}
  }

  Ledger {
    calls = Collections.unmodifiableMap(new LinkedHashMap<>(calls));
  }

  /** A call is about to be sent; one whose outcome is unknown may be sent again. */
  Ledger begun(String step, String service) {
    if (calls.get(Branch.requireStep(step)) instanceof Made.InFlight) {
      throw new IllegalArgumentException("step: " + step + " (expected: none that is under way)");
    }
    return with(step, new Made.InFlight(service));
  }

  /** A call was answered: its listing replaces what was known of its step. */
  Ledger answered(String step, Listing listing) {
    return with(step, new Made.Answered(serviceOf(step), listing));
  }

  /** A call was refused: its effects are rolled back, and what it had called is undone. */
  Ledger refused(String step, Listing listing) {
    return answered(step, listing.refused());
  }

  /** A call ended without a definite answer. */
  Ledger unknown(String step) {
    return with(step, new Made.Unknown(serviceOf(step)));
  }

  /** A call was certainly not sent. */
  Ledger notSent(String step) {
    Map<String, Made> changed = new LinkedHashMap<>(calls);
    changed.remove(step);
    return new Ledger(changed, rollbackOnly);
  }

  /** It can only be aborted from now on; the first reason stands. */
  Ledger onlyRollback(String reason) {
    return rollbackOnly.isPresent() ? this : new Ledger(calls, Optional.of(reason));
  }

  /** Why it cannot be committed as it is; empty if it can. */
  Optional<String> obstacle() {
    if (rollbackOnly.isPresent()) {
      return rollbackOnly;
    }
    for (Map.Entry<String, Made> call : calls.entrySet()) {
      String what = "the call " + call.getKey() + " to " + call.getValue().service();
      switch (call.getValue()) {
        case Made.InFlight inFlight -> {
          return Optional.of(what + " is under way");
        }
        case Made.Unknown unknown -> {
          return Optional.of(what + " has no definite answer");
        }
        case Made.Answered answered -> {
          if (!answered.listing().complete()) {
            return Optional.of(what + " does not name all its branches");
          }
        }
      }
    }
    int branches = branches().size();
    return branches > Listing.BRANCHES_MAX
        ? Optional.of(branches + " branches are open, more than " + Listing.BRANCHES_MAX)
        : Optional.empty();
  }

  /** The branches that are confirmed if it is committed, in the order in which they were told. */
  List<Branch> branches() {
    List<Branch> kept = new ArrayList<>();
    for (Made call : calls.values()) {
      if (call instanceof Made.Answered answered) {
        kept.addAll(answered.listing().kept());
      }
    }
    return kept;
  }

  /** The branches that are undone in any case. */
  List<Branch> dropped() {
    List<Branch> dropped = new ArrayList<>();
    for (Made call : calls.values()) {
      if (call instanceof Made.Answered answered) {
        dropped.addAll(answered.listing().dropped());
      }
    }
    return dropped;
  }

  /** The calls that may have opened branches nobody has told of, service by step. */
  Map<String, String> untold() {
    Map<String, String> untold = new LinkedHashMap<>();
    calls.forEach(
        (step, call) -> {
          if (!(call instanceof Made.Answered)) {
            untold.put(step, call.service());
          }
        });
    return untold;
  }

  /** What a participant that made these calls says of them in its own response. */
  Listing listing() {
    boolean complete =
        rollbackOnly.isEmpty()
            && calls.values().stream()
                .allMatch(call -> call instanceof Made.Answered made && made.listing().complete());
    if (branches().size() + dropped().size() > Listing.BRANCHES_MAX) {
      return Listing.INCOMPLETE;
    }
    return new Listing(complete, branches(), dropped());
  }

  private Ledger with(String step, Made made) {
    Map<String, Made> changed = new LinkedHashMap<>(calls);
    changed.remove(step);
    changed.put(step, made);
    return new Ledger(changed, rollbackOnly);
  }

  private String serviceOf(String step) {
    Made known = calls.get(step);
    if (known == null) {
      throw new IllegalArgumentException("step: " + step + " (expected: one that was begun)");
    }
    return known.service();
  }
}
