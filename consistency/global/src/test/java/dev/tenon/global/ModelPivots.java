package dev.tenon.global;

import dev.tenon.global.Model.Sink;
import dev.tenon.global.ModelScope.Fault;
import dev.tenon.global.ModelWorld.Bank;
import dev.tenon.global.ModelWorld.Inserted;
import dev.tenon.global.ModelWorld.Message;
import dev.tenon.global.ModelWorld.Pending;
import dev.tenon.global.ModelWorld.Phase;
import dev.tenon.global.ModelWorld.Run;
import dev.tenon.global.ModelWorld.Told;
import dev.tenon.global.Protocol.AnswerCheck;
import dev.tenon.global.Protocol.CommitCheck;
import java.util.Optional;

/** A pivot that may be refused: what the runs of a saga, and the bank that is asked, may do. */
final class ModelPivots {
  private final Model model;
  private final ModelStarter starter;

  ModelPivots(Model model, ModelStarter starter) {
    this.model = model;
    this.starter = starter;
  }

  /** All calls of a run are made: stores that the pivot is sent, or asks again. */
  void send(ModelWorld world, int number, Sink sink) {
    Run run = world.runs[number];
    CommitCheck check = model.rules.sendPivot(model.xid, Model.facts(world));
    ModelWorld next = world.copy();
    switch (check) {
      case GRANTED -> {
        Decision decision = new Decision(Outcome.COMMITTED, run.ledger().branches());
        next.pending =
            Optional.of(
                new Pending(
                    number, Inserted.PIVOT_SENT, decision, run.ledger().dropped(), run.tree()));
        next.runs[number] = run.phase(Phase.PIVOTING);
        if (model.rules.sendsPivotFirst()) {
          model.send(next, new Message.Pivot());
        }
      }
      case IN_DOUBT -> {
        next.runs[number] = run.phase(Phase.ASKING);
        model.send(next, new Message.Pivot());
      }
      case DECIDED -> next.runs[number] = run.ended(ModelStarter.told(next));
      case TOO_LATE, OTHER_HISTORY, FORGOTTEN -> next.runs[number] = run.phase(Phase.ABORTING);
    }
    sink.next(next, () -> ModelStarter.name(number) + " inserts PIVOT_SENT: " + check);
  }

  void storing(ModelWorld world, int number, Sink sink) {
    Run run = world.runs[number];
    ModelWorld next = world.copy();
    starter.commit(next, world.pending.orElseThrow());
    next.runs[number] = run.phase(Phase.ASKING);
    model.send(next, new Message.Pivot());
    sink.next(next, () -> ModelStarter.name(number) + " commits PIVOT_SENT, and sends the pivot");
    if (world.has(Fault.LOST_COMMIT)) {
      ModelWorld lost = world.spending(Fault.LOST_COMMIT);
      lost.pending = ModelStarter.withoutOwner(lost, number);
      lost.runs[number] = run.ended(Told.NOTHING);
      sink.next(lost, () -> ModelStarter.name(number) + " loses its connection at PIVOT_SENT");
    }
  }

  /** PIVOT_SENT is durable. */
  void stored(ModelWorld world, Pending about) {
    starter.store(world, world.database.pivotSent(about.withoutOwner()));
    world.ghost = world.ghost.pivotSent(about);
  }

  void asking(ModelWorld world, int number, Sink sink) {
    if (world.has(Fault.NO_ANSWER) && model.rules.takesLostPivotForRefused()) {
      answer(world.spending(Fault.NO_ANSWER), number, Bank.REFUSED, sink);
    }
  }

  /** The pivot has come. */
  void called(ModelWorld world, Sink sink) {
    if (world.ghost.bank() != Bank.UNASKED) {
      return; // gives the answer that it has sent already
    }
    for (Bank answer : new Bank[] {Bank.DONE, Bank.REFUSED}) {
      ModelWorld next = world.copy();
      next.ghost = next.ghost.answered(answer);
      model.send(next, new Message.PivotAnswered(answer));
      sink.next(next, () -> "the pivot is " + answer);
    }
  }

  /** The answer to the pivot has come. */
  void answered(ModelWorld world, Bank answer, Sink sink) {
    for (int number = 0; number < world.runs.length; number++) {
      if (world.runs[number].phase() == Phase.ASKING && world.pending.isEmpty()) {
        answer(world.copy(), number, answer, sink);
      }
    }
  }

  private void answer(ModelWorld next, int number, Bank answer, Sink sink) {
    Run run = next.runs[number];
    AnswerCheck check = model.rules.answerPivot(Model.facts(next));
    switch (check) {
      case GRANTED -> {
        decide(next, answer);
        next.runs[number] = run.ended(answer == Bank.DONE ? Told.COMMITTED : Told.ABORTED);
      }
      case DECIDED -> next.runs[number] = run.ended(ModelStarter.told(next));
      case LOST -> next.runs[number] = run.ended(Told.UNKNOWN);
    }
    sink.next(
        next, () -> ModelStarter.name(number) + " learns that it is " + answer + ": " + check);
  }

  /** Stores what an answer decides. */
  void decide(ModelWorld world, Bank answer) {
    Pending about = world.database.pivot().orElseThrow();
    if (answer == Bank.DONE) {
      starter.store(world, world.database.decided(about.decision(), 1, world.tick));
      if (world.ghost.committed().isEmpty()) {
        world.ghost = world.ghost.committed(about);
      }
      starter.order(world, about.decision().branches(), Outcome.COMMITTED);
    } else {
      starter.storeAborted(world, about.decision().branches());
      starter.order(world, about.decision().branches(), Outcome.ABORTED);
    }
    starter.order(world, about.dropped(), Outcome.ABORTED);
  }

  /** A saga whose pivot is in doubt is run again, and gets an answer. */
  void settle(ModelWorld world) {
    if (world.ghost.bank() == Bank.UNASKED) {
      world.ghost = world.ghost.answered(Bank.DONE);
    }
    if (model.rules.answerPivot(Model.facts(world)) == AnswerCheck.GRANTED) {
      decide(world, world.ghost.bank());
    }
  }
}
