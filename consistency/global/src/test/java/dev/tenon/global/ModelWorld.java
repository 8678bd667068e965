package dev.tenon.global;

import dev.tenon.global.ModelScope.Fault;
import dev.tenon.global.spi.BranchAnswer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.UUID;

/** All of a model's state at one moment. Copied, then changed; its parts are immutable. */
final class ModelWorld {
  /** The most copies of one fault. */
  static final int FAULTS_MAX = 15;

  private static final int FAULT_BITS = 4;

  int tick;
  long faultsLeft;
  long[] sent; // message numbers, as bits
  Database database;
  List<Database> past; // what a failover may restore
  Optional<Pending> pending;
  Run[] runs;
  Slot[] slots;
  Ghost ghost;
  Optional<String> fault = Optional.empty();

  /**
   * The starter's database.
   *
   * @param pivot what is decided about once the pivot is stored as sent, until its answer is stored
   */
  record Database(
      int incarnation,
      boolean raised,
      Optional<Decision> decision,
      List<UUID> acknowledged,
      int acknowledgedTick,
      int ownRows,
      boolean sagaRuns,
      Optional<Pending> pivot) {

    Database decided(Decision made, int ownRowsAdded, int tick) {
      int done = made.outcome() == Outcome.COMMITTED && made.branches().isEmpty() ? tick : -1;
      return new Database(
          incarnation,
          raised,
          Optional.of(made),
          List.of(),
          done,
          ownRows + ownRowsAdded,
          false,
          Optional.empty());
    }

    Database pivotSent(Pending about) {
      return new Database(
          incarnation,
          raised,
          decision,
          acknowledged,
          acknowledgedTick,
          ownRows,
          sagaRuns,
          Optional.of(about));
    }

    Database acknowledged(UUID branch, int tick) {
      List<UUID> added = plus(acknowledged, branch);
      boolean all = decision.filter(made -> added.size() == made.branches().size()).isPresent();
      int done = all && acknowledgedTick < 0 ? tick : acknowledgedTick;
      return new Database(incarnation, raised, decision, added, done, ownRows, sagaRuns, pivot);
    }

    Database forgotten() {
      return new Database(
          incarnation, raised, Optional.empty(), List.of(), -1, ownRows, sagaRuns, pivot);
    }

    Database ownRowsWritten() {
      return new Database(
          incarnation,
          raised,
          decision,
          acknowledged,
          acknowledgedTick,
          ownRows + 1,
          sagaRuns,
          pivot);
    }

    Database horizonRaised() {
      return new Database(
          incarnation, true, decision, acknowledged, acknowledgedTick, ownRows, sagaRuns, pivot);
    }

    Database restored(int incarnationNow) {
      return new Database(
          incarnationNow,
          raised,
          decision,
          acknowledged,
          acknowledgedTick,
          ownRows,
          sagaRuns,
          pivot);
    }
  }

  /** A transaction that has inserted a row and is not over; the run it is of, -1 if gone. */
  record Pending(
      int run, Inserted row, Decision decision, List<Branch> dropped, List<String> tree) {

    Pending withoutOwner() {
      return new Pending(-1, row, decision, dropped, tree);
    }
  }

  /** Which row. */
  enum Inserted {
    COMMITTED,
    PIVOT_SENT
  }

  /** What the pivot is done to: it gives one answer for ever. */
  enum Bank {
    UNASKED,
    DONE,
    REFUSED
  }

  /** What an instance of the starter knows: one run of the work. */
  record Run(
      Phase phase,
      int position,
      Ledger ledger,
      List<String> tree,
      boolean commitAttempted,
      Told told) {
    static final Run NONE = new Run(Phase.NONE, 0, Ledger.EMPTY, List.of(), false, Told.NOTHING);
    static final Run BEGUN =
        new Run(Phase.CALLING, 0, Ledger.EMPTY, List.of(), false, Told.NOTHING);

    Run phase(Phase changed) {
      return new Run(changed, position, ledger, tree, commitAttempted, told);
    }

    Run at(int changed, Ledger known, List<String> made) {
      return new Run(phase, changed, known, made, commitAttempted, told);
    }

    Run committing() {
      return new Run(Phase.COMMITTING, position, ledger, tree, true, told);
    }

    /** What it knew is no longer of use. */
    Run ended(Told answer) {
      return new Run(Phase.ENDED, 0, Ledger.EMPTY, List.of(), false, answer);
    }
  }

  /** Where a run is. */
  enum Phase {
    NONE,
    CALLING,
    COMMITTING,
    /** That the pivot is sent is inserted. */
    PIVOTING,
    /** The pivot is sent. */
    ASKING,
    ABORTING,
    ENDED
  }

  /** What the application was told. */
  enum Told {
    NOTHING,
    COMMITTED,
    ABORTED,
    UNKNOWN
  }

  /** What a participant holds under one step. */
  record Slot(
      BranchState state,
      Optional<Reply> stored,
      Optional<Handler> handler,
      List<Fate> fates,
      boolean ended,
      Held held) {
    static final Slot EMPTY =
        new Slot(
            new BranchState.Absent(),
            Optional.empty(),
            Optional.empty(),
            List.of(),
            false,
            Held.NOTHING);

    Slot state(BranchState changed) {
      return new Slot(changed, stored, handler, fates, ended, held);
    }

    Slot stored(Optional<Reply> changed) {
      return new Slot(state, changed, handler, fates, ended, held);
    }

    Slot handler(Optional<Handler> changed) {
      return new Slot(state, stored, changed, fates, ended, held);
    }

    Slot end() {
      return new Slot(state, stored, handler, fates, true, held);
    }

    Slot reopened() {
      return new Slot(state, stored, handler, fates, false, held);
    }

    Slot fate(UUID id, Fate changed) {
      List<Fate> all = new ArrayList<>(fates);
      all.set(attempt(id), changed);
      return new Slot(state, stored, handler, List.copyOf(all), ended, held);
    }

    Slot attempted() {
      List<Fate> all = new ArrayList<>(fates);
      all.add(Fate.NONE);
      return new Slot(state, stored, handler, List.copyOf(all), ended, held);
    }

    Slot held(Held changed) {
      return new Slot(state, stored, handler, fates, ended, changed);
    }

    Fate fate(UUID id) {
      return fates.get(attempt(id));
    }

    /** How the branch stands for who looks for its prepared transaction, too. */
    BranchState seen() {
      if (held.prepared().isEmpty() || state instanceof BranchState.Parked) {
        return state;
      }
      return new BranchState.Open(held.prepared().get());
    }
  }

  /**
   * What the participant's database holds beside the row of the branch.
   *
   * @param prepared the branch whose transaction is prepared, its row in it
   * @param locked whether the rows that it has written are locked against other writers
   * @param overwritten whether they were written while the triggers were off
   * @param messages how many of the messages held for it were sent; there is one
   */
  record Held(Optional<UUID> prepared, boolean locked, boolean overwritten, int messages) {
    static final Held NOTHING = new Held(Optional.empty(), false, false, 0);

    static Held prepared(UUID branch) {
      return new Held(Optional.of(branch), false, false, 0);
    }

    static Held locked(boolean locked) {
      return new Held(Optional.empty(), locked, false, 0);
    }

    Held writtenOver() {
      return new Held(prepared, locked, true, messages);
    }

    Held released() {
      return new Held(Optional.empty(), false, false, messages);
    }

    Held messageSent() {
      return new Held(prepared, locked, overwritten, messages + 1);
    }
  }

  /** What became of the effect of one try. */
  enum Fate {
    NONE,
    PRESENT,
    CONFIRMED,
    UNDONE,
    LOST
  }

  /** Work of a participant that is under way. */
  record Handler(UUID id, Stage stage, Ledger ledger, List<String> tree) {
    Handler stage(Stage changed) {
      return new Handler(id, changed, ledger, tree);
    }
  }

  /** How far it is. */
  enum Stage {
    BEGUN,
    WAITING,
    CALLED,
    EFFECT
  }

  /**
   * What a call is answered.
   *
   * @param tree the steps whose effects belong to the answer
   */
  record Reply(Kind kind, Listing listing, List<String> tree) {
    /** What it means. */
    enum Kind {
      OK,
      REFUSED,
      /** Nothing definite: the step is over, or it is too late. */
      NO
    }

    static final Reply NO = new Reply(Kind.NO, Listing.INCOMPLETE, List.of());
  }

  /** What was sent; it may come at any later time, any number of times, or never. */
  sealed interface Message {
    record Call(int slot) implements Message {}

    record Answered(int slot, Reply reply) implements Message {}

    record Order(int slot, Optional<UUID> branch, Outcome outcome) implements Message {}

    /** An instance that was ordered to commit has found no row, and not looked further so far. */
    record NoRowFound(int slot, UUID branch) implements Message {}

    record Told(int slot, UUID branch, BranchAnswer answer) implements Message {}

    record Pivot() implements Message {}

    record PivotAnswered(Bank bank) implements Message {}

    /** An instance that was asked has seen that ABORTED is to be inserted, and has not done it. */
    record InsertAborted() implements Message {}
  }

  /**
   * What no service knows.
   *
   * @param pivot what the pivot that was stored as sent, decides about
   */
  record Ghost(
      Optional<Decision> committed,
      List<String> tree,
      boolean starterRestored,
      boolean participantRestored,
      Bank bank,
      Optional<Decision> pivot) {

    Ghost committed(Pending pending) {
      return new Ghost(
          Optional.of(pending.decision()),
          pending.tree(),
          starterRestored,
          participantRestored,
          bank,
          pivot);
    }

    Ghost pivotSent(Pending pending) {
      return new Ghost(
          committed,
          tree,
          starterRestored,
          participantRestored,
          bank,
          Optional.of(pending.decision()));
    }

    Ghost answered(Bank answer) {
      return new Ghost(committed, tree, starterRestored, participantRestored, answer, pivot);
    }

    Ghost starterFailedOver() {
      return new Ghost(committed, tree, true, participantRestored, bank, pivot);
    }

    Ghost participantFailedOver() {
      return new Ghost(committed, tree, starterRestored, true, bank, pivot);
    }

    /** Whether the pivot that was done stands for this branch. */
    boolean pivotDoneFor(UUID branch) {
      return bank == Bank.DONE && pivot.filter(decision -> decision.lists(branch)).isPresent();
    }

    boolean lists(UUID branch) {
      return committed.filter(decision -> decision.lists(branch)).isPresent();
    }
  }

  ModelWorld copy() {
    ModelWorld copy = new ModelWorld();
    copy.tick = tick;
    copy.faultsLeft = faultsLeft;
    copy.sent = sent.clone();
    copy.database = database;
    copy.past = past;
    copy.pending = pending;
    copy.runs = runs.clone();
    copy.slots = slots.clone();
    copy.ghost = ghost;
    copy.fault = fault;
    return copy;
  }

  boolean has(Fault kind) {
    return (faultsLeft >> (FAULT_BITS * kind.ordinal()) & FAULTS_MAX) > 0;
  }

  /** A copy with one fault fewer. */
  ModelWorld spending(Fault kind) {
    ModelWorld copy = copy();
    copy.faultsLeft -= 1L << (FAULT_BITS * kind.ordinal());
    return copy;
  }

  void grant(Fault kind, int times) {
    faultsLeft += (long) times << (FAULT_BITS * kind.ordinal());
  }

  /** A branch's id: of the n-th try under a step. */
  static UUID id(int slot, int attempt) {
    return new UUID(slot + 1L, attempt);
  }

  static int slotOf(UUID id) {
    return (int) id.getMostSignificantBits() - 1;
  }

  private static int attempt(UUID id) {
    return (int) id.getLeastSignificantBits();
  }

  static Optional<UUID> idOf(BranchState state) {
    return switch (state) {
      case BranchState.Absent absent -> Optional.empty();
      case BranchState.Trying trying -> Optional.of(trying.id());
      case BranchState.CancelledInTry cancelled -> Optional.of(cancelled.id());
      case BranchState.Open open -> Optional.of(open.id());
      case BranchState.Closed closed -> closed.id();
      case BranchState.Parked parked -> Optional.of(parked.id());
    };
  }

  static <T extends Comparable<T>> List<T> plus(List<T> list, T added) {
    TreeSet<T> sorted = new TreeSet<>(list);
    sorted.add(added);
    return List.copyOf(sorted);
  }

  static <T extends Comparable<T>> List<T> plusAll(List<T> list, List<T> added) {
    TreeSet<T> sorted = new TreeSet<>(list);
    sorted.addAll(added);
    return List.copyOf(sorted);
  }
}
