package dev.tenon.global;

import dev.tenon.global.BranchState.Absent;
import dev.tenon.global.BranchState.CancelledInTry;
import dev.tenon.global.BranchState.Closed;
import dev.tenon.global.BranchState.Open;
import dev.tenon.global.BranchState.Trying;
import dev.tenon.global.Model.Sink;
import dev.tenon.global.ModelScope.Fault;
import dev.tenon.global.ModelScope.Tries;
import dev.tenon.global.ModelWorld.Fate;
import dev.tenon.global.ModelWorld.Handler;
import dev.tenon.global.ModelWorld.Message;
import dev.tenon.global.ModelWorld.Reply;
import dev.tenon.global.ModelWorld.Slot;
import dev.tenon.global.ModelWorld.Stage;
import dev.tenon.global.Protocol.Action;
import dev.tenon.global.Protocol.TryCheck;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Consumer;

/** What the participants, and their databases, may do. */
final class ModelParticipants {
  /** The most tries under one step; more calls are as good as lost. */
  private static final int TRIES_MAX = 2;

  private final Model model;
  private final ModelEnds ends;
  private final List<String> services;

  ModelParticipants(Model model) {
    this.model = model;
    this.ends = new ModelEnds(model);
    TreeSet<String> found = new TreeSet<>();
    for (int slot = 0; slot < model.scope.shape().steps().size(); slot++) {
      found.add(model.scope.shape().service(slot));
    }
    services = List.copyOf(found);
  }

  void steps(ModelWorld world, Sink sink) {
    for (int slot = 0; slot < world.slots.length; slot++) {
      Optional<Handler> handler = world.slots[slot].handler();
      if (handler.isPresent()) {
        work(world, slot, handler.get(), sink);
      }
      takeForDead(world, slot, sink);
      ends.scan(world, slot, sink);
      ends.write(world, slot, sink);
      sweep(world, slot, sink);
    }
    for (String service : services) {
      crash(world, service, sink);
      if (world.has(Fault.PARTICIPANT_FAILOVER)) {
        failOver(world, service, sink);
      }
    }
  }

  /** A call has come for which no reply is stored, and no work is under way. */
  void called(ModelWorld world, Message.Call call, Sink sink) {
    int number = call.slot();
    Slot slot = world.slots[number];
    boolean prepared = slot.held().prepared().isPresent(); // its reply is seen by nobody
    if (slot.handler().isPresent() || (slot.stored().isPresent() && !prepared)) {
      return;
    }
    ModelWorld next = world.copy();
    if (prepared && model.rules.triesRollPreparedBack()) {
      ends.undo(next, number);
    }
    Slot looked = next.slots[number];
    BranchState found = model.rules.triesLookForPrepared() ? looked.seen() : looked.state();
    TryCheck check = model.rules.onTry(found, model.xid, Model.now(world));
    switch (check) {
      case OPEN -> {
        if (slot.fates().size() < TRIES_MAX) {
          begin(next, number, sink);
        }
      }
      case STILL_RUNNING -> {}
      case OVER, TOO_LATE -> {
        model.send(next, new Message.Answered(number, Reply.NO));
        sink.next(next, () -> name(number) + " says no to a call: " + check);
      }
    }
  }

  private void begin(ModelWorld next, int number, Sink sink) {
    Slot slot = next.slots[number].attempted();
    UUID id = ModelWorld.id(number, slot.fates().size() - 1);
    boolean calls = model.scope.shape().child(number) >= 0;
    Handler handler = new Handler(id, calls ? Stage.BEGUN : Stage.CALLED, Ledger.EMPTY, List.of());
    if (model.scope.tries(number) == Tries.ELSEWHERE) {
      checkNotEnded(next, number);
      slot = slot.state(new Trying(id));
    }
    next.slots[number] = slot.handler(Optional.of(handler));
    Tries tries = model.scope.tries(number);
    if (tries != Tries.SLOW_SQL && tries != Tries.ELSEWHERE && !calls) {
      finish(next, number, handler, sink);
    } else {
      sink.next(next, () -> name(number) + " begins try " + ModelStarter.text(id));
    }
  }

  private void work(ModelWorld world, int number, Handler handler, Sink sink) {
    switch (handler.stage()) {
      case BEGUN -> {
        int child = model.scope.shape().child(number);
        ModelWorld next = world.copy();
        String step = model.step(child);
        Handler calling =
            new Handler(
                handler.id(),
                Stage.WAITING,
                handler.ledger().begun(step, model.scope.shape().service(child)),
                ModelWorld.plus(handler.tree(), step));
        next.slots[number] = world.slots[number].handler(Optional.of(calling));
        model.send(next, new Message.Call(child));
        sink.next(next, () -> name(number) + " sends call " + step);
        if (world.has(Fault.OTHER_PATH)) {
          ModelWorld other = world.spending(Fault.OTHER_PATH);
          stage(other, number, handler.stage(Stage.CALLED));
          sink.next(other, () -> name(number) + " takes another path, without call " + step);
        }
      }
      case WAITING -> {
        if (world.has(Fault.NO_ANSWER)) {
          ModelWorld next = world.spending(Fault.NO_ANSWER);
          String step = model.step(model.scope.shape().child(number));
          stage(next, number, learned(handler, handler.ledger().unknown(step), handler.tree()));
          sink.next(next, () -> name(number) + " waits no more for call " + step);
        }
      }
      case CALLED -> finish(world, number, handler, sink);
      case EFFECT -> end(world, number, handler, sink);
    }
  }

  private void stage(ModelWorld world, int number, Handler handler) {
    world.slots[number] = world.slots[number].handler(Optional.of(handler));
  }

  private static Handler learned(Handler handler, Ledger ledger, List<String> tree) {
    return new Handler(handler.id(), Stage.CALLED, ledger, tree);
  }

  /** A call made in turn was answered. */
  void answered(ModelWorld world, Message.Answered message, Sink sink) {
    for (int i = 0; i < world.slots.length; i++) {
      int number = i;
      Optional<Handler> waiting =
          world.slots[number].handler().filter(found -> found.stage() == Stage.WAITING);
      if (model.scope.shape().child(number) != message.slot() || waiting.isEmpty()) {
        continue;
      }
      Handler handler = waiting.get();
      Reply reply = message.reply();
      String step = model.step(message.slot());
      Ledger ledger = handler.ledger();
      ModelWorld next = world.copy();
      Handler learned =
          switch (reply.kind()) {
            case OK ->
                learned(
                    handler,
                    ledger.answered(step, reply.listing()),
                    ModelWorld.plusAll(handler.tree(), reply.tree()));
            case REFUSED ->
                learned(
                    handler,
                    ledger.refused(step, reply.listing()),
                    handler.tree().stream().filter(made -> !made.equals(step)).toList());
            case NO -> learned(handler, ledger.unknown(step), handler.tree());
          };
      stage(next, number, learned);
      sink.next(
          next, () -> name(number) + " learns of call " + step + ": " + ModelStarter.text(reply));
    }
  }

  /** All calls of the work are made. */
  private void finish(ModelWorld world, int number, Handler handler, Sink sink) {
    refuse(world, number, handler, sink);
    if (model.scope.tries(number) == Tries.ELSEWHERE) {
      ModelWorld next = world.copy();
      next.slots[number] =
          next.slots[number]
              .fate(handler.id(), Fate.PRESENT)
              .handler(Optional.of(handler.stage(Stage.EFFECT)));
      sink.next(next, () -> name(number) + " has the effect of " + ModelStarter.text(handler.id()));
      return;
    }
    ModelWorld next = world.copy();
    Slot slot = next.slots[number].handler(Optional.empty());
    if (slot.held().prepared().isPresent()) {
      fault(next, name(number) + " waits for a prepared transaction, for nobody knows how long");
    }
    // the row of the branch is inserted: any row that came before makes the commit fail
    if (model.rules.onTry(slot.state(), model.xid, Model.time(0)) != TryCheck.OPEN) {
      next.slots[number] = slot;
      model.send(next, new Message.Answered(number, Reply.NO));
      sink.next(next, () -> name(number) + " cannot commit try " + ModelStarter.text(handler.id()));
      return;
    }
    checkNotEnded(next, number);
    next.slots[number] = ends.opened(number, slot.fate(handler.id(), Fate.PRESENT), handler.id());
    reply(next, number, handler);
    sink.next(next, () -> name(number) + " commits try " + ModelStarter.text(handler.id()));
  }

  /** Work goes on without a fault; what it calls is not answered any more. */
  void workToEnd(ModelWorld world, int number, Consumer<ModelWorld> result) {
    Handler handler = world.slots[number].handler().orElseThrow();
    if (handler.stage() == Stage.EFFECT) {
      end(world, number, handler, (next, what) -> result.accept(next));
    } else {
      finish(world, number, handler, (next, what) -> result.accept(next));
    }
  }

  /** A try elsewhere has ended. */
  private void end(ModelWorld world, int number, Handler handler, Sink sink) {
    ModelWorld next = world.copy();
    Slot slot = next.slots[number].handler(Optional.empty());
    Action action = model.rules.onTryEnded(slot.state());
    next.slots[number] = slot;
    switch (action) {
      case ACKNOWLEDGE -> {
        next.slots[number] = slot.state(new Open(handler.id()));
        reply(next, number, handler);
      }
      case UNDO -> {
        next.slots[number] =
            slot.fate(handler.id(), Fate.UNDONE)
                .state(new Closed(Outcome.ABORTED, Optional.of(handler.id())))
                .end();
        model.send(next, new Message.Answered(number, Reply.NO));
      }
      default -> model.send(next, new Message.Answered(number, Reply.NO));
    }
    sink.next(
        next, () -> name(number) + " ends try " + ModelStarter.text(handler.id()) + ": " + action);
  }

  /** A try that was undone is taken for dead, whether it is or not. */
  private void takeForDead(ModelWorld world, int number, Sink sink) {
    if (world.slots[number].state() instanceof CancelledInTry) {
      ModelWorld next = world.copy();
      Action action = takenForDead(next, number);
      sink.next(next, () -> name(number) + " takes its try for dead: " + action);
    }
  }

  Action takenForDead(ModelWorld world, int number) {
    Action action = model.rules.onTryEnded(world.slots[number].state());
    ends.apply(world, number, action);
    return action;
  }

  private void reply(ModelWorld world, int number, Handler handler) {
    Listing listing = model.rules.listing(handler.ledger());
    List<Branch> kept = new ArrayList<>(listing.kept());
    kept.add(
        new Branch(
            model.scope.shape().service(number), handler.id(), BranchKind.TCC, model.step(number)));
    Reply reply =
        new Reply(
            Reply.Kind.OK,
            new Listing(listing.complete(), kept, listing.dropped()),
            handler.tree());
    world.slots[number] = world.slots[number].stored(Optional.of(reply));
    model.send(world, new Message.Answered(number, reply));
  }

  /** The work may refuse, or fail, and is rolled back. */
  private void refuse(ModelWorld world, int number, Handler handler, Sink sink) {
    Slot slot = world.slots[number];
    boolean elsewhere = model.scope.tries(number) == Tries.ELSEWHERE;
    if (elsewhere ? !(slot.state() instanceof Trying) : !(slot.state() instanceof Absent)) {
      return; // the row of the branch says more
    }
    Reply reply =
        new Reply(Reply.Kind.REFUSED, model.rules.listing(handler.ledger()).refused(), List.of());
    if (world.has(Fault.REFUSAL)) {
      ModelWorld next = world.spending(Fault.REFUSAL);
      next.slots[number] =
          slot.state(new Absent()).handler(Optional.empty()).stored(Optional.of(reply));
      model.send(next, new Message.Answered(number, reply));
      sink.next(next, () -> name(number) + " refuses, and stores that");
    }
    if (world.has(Fault.FAILURE)) {
      ModelWorld next = world.spending(Fault.FAILURE);
      next.slots[number] = slot.state(new Absent()).handler(Optional.empty());
      model.send(next, new Message.Answered(number, reply));
      sink.next(next, () -> name(number) + " fails, and stores nothing");
    }
  }

  void ordered(ModelWorld world, Message.Order order, Sink sink) {
    ModelWorld next = world.copy();
    boolean seen = model.rules.looksForPreparedFirst() || order.outcome() == Outcome.ABORTED;
    if (!seen && world.slots[order.slot()].state() instanceof Absent) {
      model.send(next, new Message.NoRowFound(order.slot(), order.branch().orElseThrow()));
      sink.next(next, () -> name(order.slot()) + " is told COMMITTED, and finds no row");
      return;
    }
    Action action = carryOut(next, order);
    if (!Objects.equals(next.slots[order.slot()], world.slots[order.slot()])
        || !next.database.equals(world.database)
        || next.fault.isPresent()) {
      sink.next(next, () -> name(order.slot()) + " is told " + order.outcome() + ": " + action);
    }
  }

  /** An instance that has found no row when it was ordered to commit looks for what is prepared. */
  void noRowFound(ModelWorld world, Message.NoRowFound found, Sink sink) {
    int number = found.slot();
    ModelWorld next = world.copy();
    if (world.slots[number].held().prepared().isPresent()) {
      Message.Order order =
          new Message.Order(number, Optional.of(found.branch()), Outcome.COMMITTED);
      Action action = carryOut(next, order);
      sink.next(next, () -> name(number) + " finds a prepared transaction: " + action);
    } else if (world.slots[number].fate(found.branch()) == Fate.CONFIRMED) {
      fault(next, "branch " + ModelStarter.text(found.branch()) + " is confirmed, and told lost");
      sink.next(next, () -> name(number) + " finds no prepared transaction either");
    }
  }

  /** Carries an order out; the starter learns of it at once, or never. */
  Action carryOut(ModelWorld world, Message.Order order) {
    int number = order.slot();
    BranchState state = world.slots[number].seen();
    Action action = model.rules.onDecision(state, order.outcome(), order.branch());
    boolean done = ends.apply(world, number, action);
    if (done && order.outcome() == Outcome.ABORTED && !ModelEnds.isAnother(state, order)) {
      world.slots[number] = world.slots[number].end();
    }
    if (done && order.outcome() == Outcome.COMMITTED) {
      UUID id = order.branch().orElseThrow();
      if (world.slots[number].fate(id) != Fate.CONFIRMED) {
        fault(world, "branch " + ModelStarter.text(id) + " is acknowledged, and not confirmed");
      }
      boolean awaited =
          world.database.decision().filter(decision -> decision.lists(id)).isPresent();
      if (awaited && !world.database.acknowledged().contains(id)) {
        world.database = world.database.acknowledged(id, world.tick);
      }
    }
    return action;
  }

  void told(ModelWorld world, Message.Told told, Sink sink) {
    ModelWorld next = world.copy();
    Action action = carryOut(next, told);
    if (!next.slots[told.slot()].equals(world.slots[told.slot()])) {
      sink.next(next, () -> name(told.slot()) + " is answered " + told.answer() + ": " + action);
    }
  }

  Action carryOut(ModelWorld world, Message.Told told) {
    Action action =
        model.rules.onAnswer(world.slots[told.slot()].seen(), told.branch(), told.answer());
    ends.apply(world, told.slot(), action);
    return action;
  }

  private void sweep(ModelWorld world, int number, Sink sink) {
    Slot slot = world.slots[number];
    boolean slow = model.scope.tries(number) != Tries.ELSEWHERE && slot.handler().isPresent();
    if (slot.state() instanceof Closed
        && !slow // no local transaction is as long as what is closed is kept
        && world.has(Fault.SWEEP)
        && Protocol.maySweep(model.xid, Model.time(0), Model.now(world), Model.KEEP)) {
      ModelWorld next = world.spending(Fault.SWEEP);
      next.slots[number] = slot.state(new Absent()).stored(Optional.empty());
      sink.next(next, () -> name(number) + " deletes what is closed");
    }
  }

  private void crash(ModelWorld world, String service, Sink sink) {
    if (!world.has(Fault.PARTICIPANT_CRASH)) {
      return;
    }
    ModelWorld next = world.spending(Fault.PARTICIPANT_CRASH);
    boolean works = false;
    for (int slot = 0; slot < next.slots.length; slot++) {
      if (model.scope.shape().service(slot).equals(service)) {
        works |= next.slots[slot].handler().isPresent();
        kill(next, slot);
      }
    }
    if (works) {
      sink.next(next, () -> service + " dies");
    }
  }

  /**
   * Work under way dies, unless it is a try elsewhere that was wrongly taken for dead: if that has
   * an effect afterwards and then dies indeed, nobody can know of it.
   */
  void kill(ModelWorld world, int number) {
    Slot slot = world.slots[number];
    boolean takenForDead =
        model.scope.tries(number) == Tries.ELSEWHERE
            && (slot.state() instanceof Closed || slot.state() instanceof Absent);
    if (!takenForDead) {
      world.slots[number] = slot.handler(Optional.empty());
    }
  }

  /** To where nothing had come; and, to before the branches were closed. */
  private void failOver(ModelWorld world, String service, Sink sink) {
    ModelWorld empty = world.spending(Fault.PARTICIPANT_FAILOVER);
    ModelWorld open = world.spending(Fault.PARTICIPANT_FAILOVER);
    empty.ghost = empty.ghost.participantFailedOver();
    open.ghost = empty.ghost;
    for (int slot = 0; slot < world.slots.length; slot++) {
      if (!model.scope.shape().service(slot).equals(service)) {
        continue;
      }
      Slot lost = Slot.EMPTY;
      for (Fate fate : world.slots[slot].fates()) {
        lost = lost.attempted();
        UUID id = ModelWorld.id(slot, lost.fates().size() - 1);
        lost = fate == Fate.NONE ? lost : lost.fate(id, Fate.LOST);
      }
      empty.slots[slot] = lost;
      Slot before = world.slots[slot];
      if (before.state() instanceof Closed closed && closed.id().isPresent()) {
        UUID id = closed.id().get();
        open.slots[slot] = ends.opened(slot, before.fate(id, Fate.PRESENT), id).reopened();
      }
    }
    sink.next(empty, () -> service + "'s database fails over to before all of it");
    sink.next(open, () -> service + "'s database fails over to before the branches were closed");
  }

  private void checkNotEnded(ModelWorld world, int number) {
    if (world.slots[number].ended()) {
      fault(world, "step " + model.step(number) + " had ended, and is tried again");
    }
  }

  static void fault(ModelWorld world, String what) {
    world.fault = Optional.of(what);
  }

  private String name(int slot) {
    return model.scope.shape().service(slot) + " (step " + model.step(slot) + ")";
  }
}
