package dev.tenon.global;

import dev.tenon.global.Model.Sink;
import dev.tenon.global.ModelScope.Fault;
import dev.tenon.global.ModelScope.Mode;
import dev.tenon.global.ModelWorld.Database;
import dev.tenon.global.ModelWorld.Inserted;
import dev.tenon.global.ModelWorld.Message;
import dev.tenon.global.ModelWorld.Pending;
import dev.tenon.global.ModelWorld.Phase;
import dev.tenon.global.ModelWorld.Reply;
import dev.tenon.global.ModelWorld.Run;
import dev.tenon.global.ModelWorld.Told;
import dev.tenon.global.Protocol.AbortCheck;
import dev.tenon.global.Protocol.CommitCheck;
import dev.tenon.global.spi.BranchAnswer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** What the two instances of the starter, and its database, may do. */
final class ModelStarter {
  private final Model model;
  private final ModelPivots pivots;

  ModelStarter(Model model) {
    this.model = model;
    this.pivots = new ModelPivots(model, this);
  }

  ModelPivots pivots() {
    return pivots;
  }

  void steps(ModelWorld world, Sink sink) {
    for (int run = 0; run < world.runs.length; run++) {
      run(world, run, sink);
    }
    takeOver(world, sink);
    orphan(world, sink);
    for (int slot = 0; slot < world.slots.length; slot++) {
      ask(world, slot, sink);
    }
    forget(world, sink);
    boolean locked = world.pending.isPresent() && model.rules.locksHorizon();
    if (world.has(Fault.RAISE) && !world.database.raised() && !locked) {
      ModelWorld next = world.spending(Fault.RAISE);
      store(next, next.database.horizonRaised());
      sink.next(next, () -> "starter's database: forgotten_before is raised past the start");
    }
    if (world.has(Fault.STARTER_FAILOVER)) {
      failOver(world, sink);
    }
  }

  private void run(ModelWorld world, int number, Sink sink) {
    Run run = world.runs[number];
    switch (run.phase()) {
      case NONE, ENDED -> {
        return;
      }
      case CALLING -> calling(world, number, sink);
      case COMMITTING -> committing(world, number, sink);
      case PIVOTING -> pivots.storing(world, number, sink);
      case ASKING -> pivots.asking(world, number, sink);
      case ABORTING -> aborting(world, number, sink);
    }
    if (world.has(Fault.STARTER_CRASH)) {
      ModelWorld next = world.spending(Fault.STARTER_CRASH);
      next.runs[number] = run.ended(Told.NOTHING);
      next.pending = withoutOwner(next, number);
      sink.next(next, () -> name(number) + " dies");
    }
  }

  private void calling(ModelWorld world, int number, Sink sink) {
    Run run = world.runs[number];
    if (world.has(Fault.GIVE_UP)) {
      ModelWorld next = world.spending(Fault.GIVE_UP);
      next.runs[number] = run.phase(Phase.ABORTING);
      sink.next(next, () -> name(number) + " gives up");
    }
    List<Integer> program = model.scope.shape().program();
    if (run.position() == program.size()) {
      called(world, number, sink);
      return;
    }
    int slot = program.get(run.position());
    String step = model.step(slot);
    if (run.ledger().calls().containsKey(step)) {
      if (world.has(Fault.NO_ANSWER)) {
        ModelWorld next = world.spending(Fault.NO_ANSWER);
        next.runs[number] = run.at(run.position() + 1, run.ledger().unknown(step), run.tree());
        sink.next(next, () -> name(number) + " waits no more for call " + step);
      }
      return;
    }
    ModelWorld next = world.copy();
    Ledger begun = run.ledger().begun(step, model.scope.shape().service(slot));
    next.runs[number] = run.at(run.position(), begun, ModelWorld.plus(run.tree(), step));
    model.send(next, new Message.Call(slot));
    sink.next(next, () -> name(number) + " sends call " + step);
    if (world.has(Fault.OTHER_PATH)) {
      ModelWorld other = world.spending(Fault.OTHER_PATH);
      other.runs[number] = run.at(run.position() + 1, run.ledger(), run.tree());
      sink.next(other, () -> name(number) + " takes another path, without call " + step);
    }
  }

  /** All calls are made: commits, if it may. */
  private void called(ModelWorld world, int number, Sink sink) {
    Run run = world.runs[number];
    if (model.rules.obstacle(run.ledger()).isPresent()) {
      ModelWorld next = world.copy();
      next.runs[number] = run.phase(Phase.ABORTING);
      sink.next(next, () -> name(number) + " cannot commit: " + run.ledger().obstacle());
      return;
    }
    if (world.pending.isPresent()) {
      return; // waits for the other transaction that has inserted the row
    }
    if (model.scope.mode() == Mode.PIVOT) {
      pivots.send(world, number, sink);
      return;
    }
    Decision decision = new Decision(Outcome.COMMITTED, run.ledger().branches());
    CommitCheck check = model.rules.commit(model.xid, Model.facts(world));
    ModelWorld next = world.copy();
    switch (check) {
      case GRANTED -> {
        next.pending =
            Optional.of(
                new Pending(
                    number, Inserted.COMMITTED, decision, run.ledger().dropped(), run.tree()));
        next.runs[number] = run.committing();
        if (model.rules.writesOwnRowsFirst()) {
          store(next, next.database.ownRowsWritten());
        }
      }
      case DECIDED -> next.runs[number] = run.ended(told(next));
      case IN_DOUBT, TOO_LATE, OTHER_HISTORY, FORGOTTEN ->
          next.runs[number] = run.phase(Phase.ABORTING);
    }
    sink.next(next, () -> name(number) + " inserts COMMITTED " + ids(decision) + ": " + check);
  }

  private void committing(ModelWorld world, int number, Sink sink) {
    Run run = world.runs[number];
    ModelWorld next = world.copy();
    Pending pending = world.pending.orElseThrow();
    commit(next, pending);
    next.runs[number] = run.ended(Told.COMMITTED);
    sink.next(next, () -> name(number) + " commits, and says so");
    if (world.has(Fault.LOST_COMMIT)) {
      ModelWorld lost = world.spending(Fault.LOST_COMMIT);
      lost.pending = withoutOwner(lost, number);
      lost.runs[number] =
          model.rules.takesLostCommitForAborted()
              ? run.ended(Told.ABORTED)
              : run.phase(Phase.ABORTING);
      sink.next(lost, () -> name(number) + " loses its connection while it commits");
    }
  }

  /** A transaction that has inserted a row succeeds. */
  void commit(ModelWorld world, Pending pending) {
    if (pending.row() == Inserted.PIVOT_SENT) {
      world.pending = Optional.empty();
      pivots.stored(world, pending);
      return;
    }
    int ownRows = model.rules.writesOwnRowsFirst() ? 0 : 1;
    store(world, world.database.decided(pending.decision(), ownRows, world.tick));
    world.pending = Optional.empty();
    if (world.ghost.committed().isEmpty()) {
      world.ghost = world.ghost.committed(pending);
    }
    order(world, pending.decision().branches(), Outcome.COMMITTED);
    order(world, pending.dropped(), Outcome.ABORTED);
  }

  private void aborting(ModelWorld world, int number, Sink sink) {
    Run run = world.runs[number];
    ModelWorld next = world.copy();
    if (!model.rules.storesAborted(model.scope.mode(), run.commitAttempted())) {
      orderAll(next, run.ledger());
      next.runs[number] = run.ended(Told.ABORTED);
      sink.next(next, () -> name(number) + " tells the participants to abort, and says so");
      return;
    }
    if (world.pending.isPresent()) {
      return; // waits for the other transaction that has inserted the row
    }
    AbortCheck check = model.rules.abort(model.xid, Model.facts(world));
    switch (check) {
      case GRANTED -> {
        storeAborted(next, known(run.ledger()));
        orderAll(next, run.ledger());
        next.runs[number] = run.ended(Told.ABORTED);
      }
      case DECIDED -> next.runs[number] = run.ended(told(next));
      case IN_DOUBT -> next.runs[number] = run.ended(Told.NOTHING);
      case OTHER_HISTORY, FORGOTTEN -> next.runs[number] = run.ended(Told.UNKNOWN);
    }
    sink.next(next, () -> name(number) + " inserts ABORTED: " + check);
  }

  void answered(ModelWorld world, Message.Answered message, Sink sink) {
    String step = model.step(message.slot());
    Reply reply = message.reply();
    for (int i = 0; i < world.runs.length; i++) {
      int number = i;
      Run run = world.runs[number];
      if (run.phase() != Phase.CALLING
          || !(run.ledger().calls().get(step) instanceof Ledger.Made.InFlight)) {
        continue;
      }
      ModelWorld next = world.copy();
      Ledger ledger = run.ledger();
      List<String> tree = run.tree();
      switch (reply.kind()) {
        case OK -> {
          ledger = ledger.answered(step, reply.listing());
          tree = ModelWorld.plusAll(tree, reply.tree());
        }
        case REFUSED -> {
          ledger = ledger.refused(step, reply.listing());
          tree = tree.stream().filter(made -> !made.equals(step)).toList();
          if (model.rules.undoesDroppedAtOnce(model.scope.mode())) {
            order(next, ledger.dropped(), Outcome.ABORTED);
          }
        }
        case NO -> ledger = ledger.unknown(step);
      }
      next.runs[number] = run.at(run.position() + 1, ledger, tree);
      sink.next(next, () -> name(number) + " learns of call " + step + ": " + text(reply));
    }
  }

  private void takeOver(ModelWorld world, Sink sink) {
    if (world.has(Fault.TAKEOVER)
        && world.database.sagaRuns()
        && world.runs[1].phase() == Phase.NONE) {
      ModelWorld next = world.spending(Fault.TAKEOVER);
      next.runs[1] = Run.BEGUN;
      sink.next(next, () -> name(1) + " takes the saga over and begins from the top");
    }
  }

  private void orphan(ModelWorld world, Sink sink) {
    if (world.pending.isEmpty() || world.pending.get().run() >= 0) {
      return;
    }
    ModelWorld next = world.copy();
    commit(next, world.pending.get());
    sink.next(next, () -> "starter's database: the commit that was under way succeeds");
    ModelWorld back = world.copy();
    back.pending = Optional.empty();
    sink.next(back, () -> "starter's database: the transaction under way is rolled back");
  }

  /** A participant asks about its branch, or has asked, and an instance looks. */
  private void ask(ModelWorld world, int slot, Sink sink) {
    BranchState state = world.slots[slot].seen();
    if (!(state instanceof BranchState.Open) && !(state instanceof BranchState.Trying)) {
      return;
    }
    UUID id = ModelWorld.idOf(state).orElseThrow();
    Message message =
        switch (model.rules.inquire(model.xid, id, Model.facts(world))) {
          case COMMIT -> new Message.Told(slot, id, BranchAnswer.COMMIT);
          case ABORT -> new Message.Told(slot, id, BranchAnswer.ABORT);
          case PENDING -> new Message.Told(slot, id, BranchAnswer.PENDING);
          case UNKNOWN -> new Message.Told(slot, id, BranchAnswer.UNKNOWN);
          case INSERT_ABORTED -> new Message.InsertAborted();
        };
    boolean pending = message instanceof Message.Told told && told.answer() == BranchAnswer.PENDING;
    if (!pending && !model.isSent(world, message)) {
      ModelWorld next = world.copy();
      model.send(next, message);
      sink.next(
          next, () -> "an instance is asked about branch " + text(id) + " and finds " + message);
    }
  }

  /** An instance that was asked goes on. */
  void insertAborted(ModelWorld world, Sink sink) {
    if (world.pending.isPresent()) {
      return;
    }
    AbortCheck check = model.rules.abort(model.xid, Model.facts(world));
    if (check == AbortCheck.GRANTED) {
      ModelWorld next = world.copy();
      storeAborted(next, List.of());
      sink.next(next, () -> "an instance that was asked inserts ABORTED");
    }
  }

  private void forget(ModelWorld world, Sink sink) {
    Database database = world.database;
    if (database.decision().isEmpty() || !world.has(Fault.FORGET)) {
      return;
    }
    Optional<Instant> acknowledgedAt =
        database.acknowledgedTick() < 0
            ? Optional.empty()
            : Optional.of(Model.time(database.acknowledgedTick()));
    if (model.rules.mayForget(
        model.xid,
        database.decision().get().outcome(),
        acknowledgedAt,
        Model.now(world),
        Model.forgottenBefore(database),
        Model.KEEP)) {
      ModelWorld next = world.spending(Fault.FORGET);
      store(next, database.forgotten());
      sink.next(next, () -> "starter's database: the decision is forgotten");
    }
  }

  private void failOver(ModelWorld world, Sink sink) {
    List<Database> choices = new ArrayList<>(world.past);
    choices.add(world.database);
    for (Database choice : choices) {
      ModelWorld next = world.spending(Fault.STARTER_FAILOVER);
      next.database = choice.restored(world.database.incarnation() + 1);
      next.past = List.of();
      next.ghost = next.ghost.starterFailedOver();
      next.pending = Optional.empty();
      for (int run = 0; run < next.runs.length; run++) {
        if (next.runs[run].phase() == Phase.COMMITTING) {
          next.runs[run] = next.runs[run].phase(Phase.ABORTING);
        } else if (next.runs[run].phase() == Phase.PIVOTING) {
          next.runs[run] = next.runs[run].ended(Told.NOTHING);
        }
      }
      sink.next(next, () -> "starter's database fails over to " + next.database);
    }
  }

  void storeAborted(ModelWorld world, List<Branch> known) {
    store(world, world.database.decided(new Decision(Outcome.ABORTED, known), 0, world.tick));
  }

  void store(ModelWorld world, Database changed) {
    if (world.has(Fault.STARTER_FAILOVER) && !world.past.contains(world.database)) {
      List<Database> past = new ArrayList<>(world.past);
      past.add(world.database);
      world.past = List.copyOf(past);
    }
    world.database = changed;
  }

  private static List<Branch> known(Ledger ledger) {
    List<Branch> known = new ArrayList<>(ledger.branches());
    known.addAll(ledger.dropped());
    return known;
  }

  void orderAll(ModelWorld world, Ledger ledger) {
    order(world, known(ledger), Outcome.ABORTED);
    ledger
        .untold()
        .keySet()
        .forEach(
            step ->
                model.send(
                    world, new Message.Order(model.slot(step), Optional.empty(), Outcome.ABORTED)));
  }

  void order(ModelWorld world, List<Branch> branches, Outcome outcome) {
    for (Branch branch : branches) {
      model.send(
          world,
          new Message.Order(ModelWorld.slotOf(branch.id()), Optional.of(branch.id()), outcome));
    }
  }

  static Told told(ModelWorld world) {
    return world.database.decision().orElseThrow().outcome() == Outcome.COMMITTED
        ? Told.COMMITTED
        : Told.ABORTED;
  }

  static Optional<Pending> withoutOwner(ModelWorld world, int run) {
    return world.pending.map(pending -> pending.run() == run ? pending.withoutOwner() : pending);
  }

  static String name(int run) {
    return "starter " + (run + 1);
  }

  static String ids(Decision decision) {
    return decision.branches().stream().map(branch -> text(branch.id())).toList().toString();
  }

  static String text(UUID id) {
    return id.getMostSignificantBits() + "/" + id.getLeastSignificantBits();
  }

  static String text(Reply reply) {
    return reply.kind()
        + " kept "
        + reply.listing().kept().stream().map(branch -> text(branch.id())).toList()
        + " dropped "
        + reply.listing().dropped().stream().map(branch -> text(branch.id())).toList()
        + (reply.listing().complete() ? "" : " incomplete");
  }
}
