package dev.tenon.global;

import dev.tenon.global.BranchState.CancelledInTry;
import dev.tenon.global.BranchState.Open;
import dev.tenon.global.BranchState.Parked;
import dev.tenon.global.BranchState.Trying;
import dev.tenon.global.ModelScope.Mode;
import dev.tenon.global.ModelWorld.Bank;
import dev.tenon.global.ModelWorld.Fate;
import dev.tenon.global.ModelWorld.Message;
import dev.tenon.global.ModelWorld.Phase;
import dev.tenon.global.ModelWorld.Run;
import dev.tenon.global.ModelWorld.Slot;
import dev.tenon.global.ModelWorld.Told;
import dev.tenon.global.Protocol.AbortCheck;
import dev.tenon.global.Protocol.Action;
import dev.tenon.global.Protocol.Inquiry;
import dev.tenon.global.spi.BranchAnswer;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** What must hold in every state, and what every state must come to when no more faults strike. */
final class ModelInvariants {
  private final Model model;

  ModelInvariants(Model model) {
    this.model = model;
  }

  /** What is wrong; empty if nothing is. */
  Optional<String> broken(ModelWorld world) {
    if (world.fault.isPresent()) {
      return world.fault;
    }
    for (int number = 0; number < world.slots.length; number++) {
      Slot slot = world.slots[number];
      if (slot.held().messages() > Collections.frequency(slot.fates(), Fate.CONFIRMED)) {
        return Optional.of("a message of step " + model.step(number) + " is sent too early");
      }
      for (int attempt = 0; attempt < slot.fates().size(); attempt++) {
        Optional<String> broken = branch(world, number, ModelWorld.id(number, attempt));
        if (broken.isPresent()) {
          return broken;
        }
      }
    }
    return starter(world).or(() -> unfinished(world));
  }

  private Optional<String> branch(ModelWorld world, int number, UUID id) {
    Slot slot = world.slots[number];
    Fate fate = slot.fate(id);
    boolean listed = world.ghost.lists(id);
    String name = "branch " + ModelStarter.text(id);
    if (fate == Fate.CONFIRMED && !listed) {
      return Optional.of(name + " is confirmed, and no COMMITTED lists it");
    }
    if (fate == Fate.UNDONE && world.ghost.pivotDoneFor(id)) {
      return Optional.of(name + " is undone, and the pivot is done");
    }
    if (fate == Fate.UNDONE && listed) {
      return Optional.of(name + " is undone, and COMMITTED lists it");
    }
    boolean exists = fate != Fate.NONE && fate != Fate.LOST;
    if (exists
        && !listed
        && !world.ghost.participantRestored()
        && world.ghost.tree().contains(model.step(number))) {
      return Optional.of(name + " belongs to what was committed, and is not listed");
    }
    if (listed && !world.ghost.tree().contains(model.step(number))) {
      return Optional.of(name + " is listed, and does not belong to what was committed");
    }
    boolean restored = world.ghost.starterRestored() || world.ghost.participantRestored();
    boolean parked =
        slot.state() instanceof Parked && ModelWorld.idOf(slot.state()).get().equals(id);
    return parked && listed && !restored
        ? Optional.of(name + " is listed, and parked although no database was lost")
        : Optional.empty();
  }

  private Optional<String> starter(ModelWorld world) {
    boolean committed = world.ghost.committed().isPresent();
    if (model.scope.mode() == Mode.PIVOT) {
      Bank bank = world.ghost.bank();
      boolean aborted =
          world.database.decision().filter(it -> it.outcome() == Outcome.ABORTED).isPresent();
      if (committed && bank != Bank.DONE) {
        return Optional.of("it is committed, and its pivot is " + bank);
      }
      if (aborted && bank == Bank.DONE) {
        return Optional.of("it is aborted, and its pivot is done");
      }
    }
    int ownRows = world.database.ownRows();
    Optional<Outcome> stored = world.database.decision().map(Decision::outcome);
    if (ownRows > 1) {
      return Optional.of("the starter's own rows are committed twice");
    }
    if (ownRows == 1 && (!committed || stored.equals(Optional.of(Outcome.ABORTED)))) {
      return Optional.of("the starter's own rows are committed without COMMITTED");
    }
    if (ownRows == 0 && stored.equals(Optional.of(Outcome.COMMITTED))) {
      return Optional.of("COMMITTED is stored without the starter's own rows");
    }
    for (Run run : world.runs) {
      if (run.told() == Told.COMMITTED && !committed) {
        return Optional.of("the application was told it is committed, and it is not");
      }
      if (run.told() == Told.ABORTED && committed) {
        return Optional.of("the application was told it is aborted, and it is committed");
      }
    }
    return Optional.empty();
  }

  /** What is left open if no fault strikes any more. */
  private Optional<String> unfinished(ModelWorld world) {
    boolean works = false;
    for (Slot slot : world.slots) {
      works |= slot.handler().isPresent();
    }
    Optional<String> left = left(world, LateTries.DIE);
    return left.isPresent() || !works ? left : left(world, LateTries.END);
  }

  private enum LateTries {
    DIE,
    END
  }

  private Optional<String> left(ModelWorld from, LateTries tries) {
    ModelWorld world = from.copy();
    world.faultsLeft = 0;
    world.past = List.of();
    world.pending = Optional.empty();
    for (int run = 0; run < world.runs.length; run++) {
      if (world.runs[run].phase() != Phase.NONE) {
        world.runs[run] = world.runs[run].ended(world.runs[run].told());
      }
    }
    if (tries == LateTries.DIE) {
      for (int slot = 0; slot < world.slots.length; slot++) {
        model.participants().kill(world, slot);
      }
    }
    abortSaga(world);
    for (; world.tick < model.scope.ticks(); world.tick++) {
      settle(world);
    }
    world.tick = model.scope.ticks() - 1;
    world = endTries(world);
    settle(world);
    return open(world);
  }

  /** Another instance runs a saga again, and it fails. */
  private void abortSaga(ModelWorld world) {
    if (world.database.pivot().isPresent()) {
      model.starter().pivots().settle(world);
    }
    if (world.database.sagaRuns()
        && model.rules.abort(model.xid, Model.facts(world)) == AbortCheck.GRANTED) {
      model.starter().storeAborted(world, List.of());
    }
  }

  private ModelWorld endTries(ModelWorld from) {
    ModelWorld[] world = {from};
    for (int steps = 0; steps < 2; steps++) {
      for (int slot = 0; slot < from.slots.length; slot++) {
        if (world[0].slots[slot].handler().isPresent()) {
          model.participants().workToEnd(world[0], slot, next -> world[0] = next);
        }
      }
    }
    return world[0];
  }

  /** Orders and questions come through. */
  private void settle(ModelWorld world) {
    Optional<Decision> decision = world.database.decision();
    if (decision.isPresent()) {
      for (Branch branch : decision.get().branches()) {
        model.participants().carryOut(world, order(branch.id(), decision.get().outcome()));
      }
    }
    for (int slot = 0; slot < world.slots.length; slot++) {
      BranchState state = world.slots[slot].seen();
      if (state instanceof Open || state instanceof Trying) {
        ask(world, slot, ModelWorld.idOf(state).orElseThrow());
      }
      if (world.slots[slot].state() instanceof CancelledInTry) {
        model.participants().takenForDead(world, slot);
      }
    }
  }

  private void ask(ModelWorld world, int slot, UUID id) {
    Inquiry inquiry = model.rules.inquire(model.xid, id, Model.facts(world));
    if (inquiry == Inquiry.INSERT_ABORTED) {
      if (model.rules.abort(model.xid, Model.facts(world)) == AbortCheck.GRANTED) {
        model.starter().storeAborted(world, List.of());
      }
      inquiry = model.rules.inquire(model.xid, id, Model.facts(world));
    }
    BranchAnswer answer =
        switch (inquiry) {
          case COMMIT -> BranchAnswer.COMMIT;
          case ABORT -> BranchAnswer.ABORT;
          case UNKNOWN -> BranchAnswer.UNKNOWN;
          case PENDING, INSERT_ABORTED -> BranchAnswer.PENDING;
        };
    model.participants().carryOut(world, new Message.Told(slot, id, answer));
  }

  private Optional<String> open(ModelWorld world) {
    if (world.fault.isPresent()) {
      return world.fault;
    }
    for (int number = 0; number < world.slots.length; number++) {
      Slot slot = world.slots[number];
      if (slot.seen() instanceof Open || slot.seen() instanceof Trying) {
        return Optional.of("step " + model.step(number) + " stays open for ever");
      }
      boolean parked = slot.state() instanceof Parked;
      if (slot.held().locked() && !parked) {
        return Optional.of("a lock of step " + model.step(number) + " stays");
      }
      if (slot.fates().contains(Fate.CONFIRMED) && slot.held().messages() != 1) {
        return Optional.of(
            "step " + model.step(number) + " sent " + slot.held().messages() + " messages, not 1");
      }
      if (slot.fates().contains(Fate.PRESENT) && !parked) {
        return Optional.of(
            "the effect of step " + model.step(number) + " stays, and its branch is closed");
      }
    }
    for (UUID branch : awaited(world)) {
      Action action = model.participants().carryOut(world, order(branch, Outcome.COMMITTED));
      boolean told = action == Action.PARKED || action == Action.LOST;
      if (!told && !(action == Action.CONFLICT && world.ghost.participantRestored())) {
        return Optional.of(
            "COMMITTED is never acknowledged for branch " + ModelStarter.text(branch));
      }
    }
    return Optional.empty();
  }

  private static List<UUID> awaited(ModelWorld world) {
    return world
        .database
        .decision()
        .filter(decision -> decision.outcome() == Outcome.COMMITTED)
        .map(Decision::branches)
        .orElse(List.of())
        .stream()
        .map(Branch::id)
        .filter(id -> !world.database.acknowledged().contains(id))
        .toList();
  }

  private static Message.Order order(UUID branch, Outcome outcome) {
    return new Message.Order(ModelWorld.slotOf(branch), Optional.of(branch), outcome);
  }
}
