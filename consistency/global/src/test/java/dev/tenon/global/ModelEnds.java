package dev.tenon.global;

import dev.tenon.global.BranchState.Absent;
import dev.tenon.global.BranchState.CancelledInTry;
import dev.tenon.global.BranchState.Closed;
import dev.tenon.global.BranchState.Open;
import dev.tenon.global.BranchState.Parked;
import dev.tenon.global.Model.Sink;
import dev.tenon.global.ModelScope.Fault;
import dev.tenon.global.ModelScope.Tries;
import dev.tenon.global.ModelWorld.Fate;
import dev.tenon.global.ModelWorld.Held;
import dev.tenon.global.ModelWorld.Message;
import dev.tenon.global.ModelWorld.Slot;
import dev.tenon.global.Protocol.Action;
import java.util.Optional;
import java.util.UUID;

/** How branches of each kind are opened and ended in the participants' databases. */
final class ModelEnds {
  private final Model model;

  ModelEnds(Model model) {
    this.model = model;
  }

  /** A try that is one local transaction has ended well. */
  Slot opened(int number, Slot slot, UUID id) {
    return switch (model.scope.tries(number)) {
      case XA -> slot.state(new Absent()).held(Held.prepared(id)); // the row is in it
      case AT -> slot.state(new Open(id)).held(Held.locked(model.rules.locksUntilTheEnd()));
      case SQL, SLOW_SQL, ELSEWHERE -> slot.state(new Open(id)).held(Held.NOTHING);
    };
  }

  /** Does what the protocol says, in one local commit; says whether that is durably so. */
  boolean apply(ModelWorld world, int number, Action action) {
    Slot slot = world.slots[number];
    Optional<UUID> id = ModelWorld.idOf(slot.seen());
    switch (action) {
      case CONFIRM -> world.slots[number] = confirmed(slot, id.orElseThrow());
      case UNDO -> {
        return undo(world, number);
      }
      case UNDO_IN_TRY ->
          world.slots[number] =
              undone(slot, id.orElseThrow()).state(new CancelledInTry(id.orElseThrow())).end();
      case BAR ->
          world.slots[number] = slot.state(new Closed(Outcome.ABORTED, Optional.empty())).end();
      case PARK -> world.slots[number] = slot.state(new Parked(id.orElseThrow(), Optional.empty()));
      case ACKNOWLEDGE -> {}
      case WAIT, PARKED, LOST, CONFLICT -> {
        return false;
      }
    }
    return action != Action.PARK;
  }

  private Slot confirmed(Slot slot, UUID id) {
    Held held = model.rules.unlocksAtTheEnd() ? slot.held().released() : slot.held();
    boolean sends = model.rules.sendsHeldMessagesInTheCommitOfTheEnd();
    return slot.fate(id, Fate.CONFIRMED)
        .state(new Closed(Outcome.COMMITTED, Optional.of(id)))
        .held(sends ? held.messageSent() : held)
        .end();
  }

  /** Undoes the branch; says whether nothing is left to be done. */
  boolean undo(ModelWorld world, int number) {
    Slot slot = world.slots[number];
    UUID id = ModelWorld.idOf(slot.seen()).orElseThrow();
    if (slot.held().prepared().isPresent()) {
      // that is no part of any transaction: what bars the step is a commit of its own, after it
      world.slots[number] = undone(slot, id).state(new Absent()).held(slot.held().released());
      return !model.rules.barsAfterRollback();
    }
    if (model.scope.tries(number) == Tries.AT && !putBack(world, number, id)) {
      return false;
    }
    world.slots[number] =
        undone(world.slots[number], id)
            .state(new Closed(Outcome.ABORTED, Optional.of(id)))
            .held(world.slots[number].held().released())
            .end();
    return true;
  }

  /** Puts the captured rows back; says whether the branch may be closed now. */
  private boolean putBack(ModelWorld world, int number, UUID id) {
    Slot slot = world.slots[number];
    boolean twice = slot.fate(id) == Fate.UNDONE;
    if (twice) {
      ModelParticipants.fault(world, "rows of branch " + ModelStarter.text(id) + " put back twice");
    }
    if (slot.held().overwritten()) {
      if (model.rules.comparesBeforePuttingBack()) {
        world.slots[number] = slot.state(new Parked(id, Optional.of(Outcome.ABORTED)));
        return false;
      }
      ModelParticipants.fault(world, "what another writer has written is lost");
    }
    if (!model.rules.putsBackInTheCommitOfTheEnd()) {
      world.slots[number] = undone(slot, id);
      return false;
    }
    return true;
  }

  private Slot undone(Slot slot, UUID id) {
    Slot without = model.rules.deletesReplyOfUndone() ? slot.stored(Optional.empty()) : slot;
    return slot.fate(id) == Fate.NONE ? without : without.fate(id, Fate.UNDONE);
  }

  /** A prepared transaction is found, by whomever; who asks about it is the starter's matter. */
  void scan(ModelWorld world, int number, Sink sink) {
    Optional<Outcome> presumed = model.rules.presumedOfPrepared(model.xid, Model.now(world));
    if (presumed.isEmpty() || world.slots[number].held().prepared().isEmpty()) {
      return;
    }
    ModelWorld next = world.copy();
    apply(next, number, presumed.get() == Outcome.COMMITTED ? Action.CONFIRM : Action.UNDO);
    sink.next(next, () -> "a prepared transaction is found and taken for " + presumed.get());
  }

  /** Somebody else writes the rows that a branch has written. */
  void write(ModelWorld world, int number, Sink sink) {
    Slot slot = world.slots[number];
    boolean open = model.scope.tries(number) == Tries.AT && slot.state() instanceof Open;
    if (!open) {
      return;
    }
    if (world.has(Fault.DIRTY_WRITE) && !slot.held().overwritten()) {
      ModelWorld next = world.spending(Fault.DIRTY_WRITE);
      next.slots[number] = slot.held(slot.held().writtenOver());
      sink.next(next, () -> "the rows of step " + model.step(number) + " are written, unguarded");
    }
    if (!world.has(Fault.PLAIN_WRITE)) {
      return;
    }
    // a writer that meets a lock is refused, and has the starter asked, as anybody may any time
    ModelWorld next = world.spending(Fault.PLAIN_WRITE);
    boolean late = Model.now(world).isAfter(model.xid.deadline());
    if (!slot.held().locked()) {
      ModelParticipants.fault(next, "another writer writes rows of an open branch");
      sink.next(next, () -> "the rows of step " + model.step(number) + " are written");
    } else if (late && model.rules.writersUndoPastTheDeadline()) {
      apply(next, number, Action.UNDO);
      sink.next(next, () -> "a writer undoes step " + model.step(number));
    }
  }

  /** Whether an order is about another try than the one that stands here. */
  static boolean isAnother(BranchState state, Message.Order order) {
    Optional<UUID> own = ModelWorld.idOf(state);
    return own.isPresent() && order.branch().isPresent() && !own.equals(order.branch());
  }
}
