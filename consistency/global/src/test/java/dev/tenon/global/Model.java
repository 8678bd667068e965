package dev.tenon.global;

import dev.tenon.global.ModelScope.Fault;
import dev.tenon.global.ModelScope.Mode;
import dev.tenon.global.ModelWorld.Bank;
import dev.tenon.global.ModelWorld.Database;
import dev.tenon.global.ModelWorld.Ghost;
import dev.tenon.global.ModelWorld.Message;
import dev.tenon.global.ModelWorld.Run;
import dev.tenon.global.ModelWorld.Slot;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

/** One distributed transaction: its first state, and what may happen in each. */
final class Model {
  static final Duration KEEP = Duration.ofSeconds(10);

  private static final int WORDS = 2; // of 64 messages each
  private static final Instant STARTED = Instant.ofEpochSecond(1);

  /** The moments there are; from each to the one after the next, {@link #KEEP} has passed. */
  private static final List<Instant> TIMES =
      List.of(
          Instant.ofEpochSecond(5),
          Instant.ofEpochSecond(15),
          Instant.ofEpochSecond(21),
          Instant.ofEpochSecond(40));

  final ModelScope scope;
  final ModelRules rules;
  final Xid xid;
  private final Map<Message, Integer> numbers = new HashMap<>();
  private final List<Message> messages = new ArrayList<>();
  private final ModelStarter starter;
  private final ModelParticipants participants;

  Model(ModelScope scope, ModelRules rules) {
    this.scope = scope;
    this.rules = rules;
    this.xid = new Xid("order", incarnation(0), STARTED, scope.deadline().instant, new UUID(0, 0));
    this.starter = new ModelStarter(this);
    this.participants = new ModelParticipants(this);
  }

  /** Takes what may happen next. */
  @FunctionalInterface
  interface Sink {
    void next(ModelWorld world, Supplier<String> what);
  }

  ModelWorld first() {
    ModelWorld world = new ModelWorld();
    scope.faults().forEach(world::grant);
    world.sent = new long[WORDS];
    boolean saga = scope.mode() != Mode.TRANSACTION;
    world.database =
        new Database(0, false, Optional.empty(), List.of(), -1, 0, saga, Optional.empty());
    world.past = List.of();
    world.pending = Optional.empty();
    world.runs = new Run[] {Run.BEGUN, Run.NONE};
    world.slots = new Slot[scope.shape().steps().size()];
    Arrays.fill(world.slots, Slot.EMPTY);
    world.ghost =
        new Ghost(Optional.empty(), List.of(), false, false, Bank.UNASKED, Optional.empty());
    return world;
  }

  /** Everything that may happen. */
  void successors(ModelWorld world, Sink sink) {
    starter.steps(world, sink);
    participants.steps(world, sink);
    for (int word = 0; word < WORDS; word++) {
      for (long left = world.sent[word]; left != 0; left &= left - 1) {
        deliver(world, messages.get(Long.SIZE * word + Long.numberOfTrailingZeros(left)), sink);
      }
    }
    if (world.tick + 1 < scope.ticks()) {
      ModelWorld next = world.copy();
      next.tick++;
      sink.next(next, () -> "time passes: it is now " + now(next));
    }
  }

  private void deliver(ModelWorld world, Message message, Sink sink) {
    switch (message) {
      case Message.Call call -> participants.called(world, call, sink);
      case Message.Answered answered -> {
        starter.answered(world, answered, sink);
        participants.answered(world, answered, sink);
      }
      case Message.Order order -> participants.ordered(world, order, sink);
      case Message.NoRowFound found -> participants.noRowFound(world, found, sink);
      case Message.Told told -> participants.told(world, told, sink);
      case Message.Pivot pivot -> starter.pivots().called(world, sink);
      case Message.PivotAnswered answered ->
          starter.pivots().answered(world, answered.bank(), sink);
      case Message.InsertAborted insert -> starter.insertAborted(world, sink);
    }
  }

  ModelParticipants participants() {
    return participants;
  }

  ModelStarter starter() {
    return starter;
  }

  static String incarnation(int number) {
    return "a" + number;
  }

  static Instant now(ModelWorld world) {
    return TIMES.get(world.tick);
  }

  static Instant time(int tick) {
    return TIMES.get(tick);
  }

  static Protocol.Facts facts(ModelWorld world) {
    Database database = world.database;
    return new Protocol.Facts(
        incarnation(database.incarnation()),
        now(world),
        forgottenBefore(database),
        database.decision(),
        database.pivot().isPresent() ? Protocol.Doubt.PIVOT_SENT : Protocol.Doubt.NONE);
  }

  static Instant forgottenBefore(Database database) {
    return database.raised() ? STARTED : Instant.EPOCH;
  }

  void send(ModelWorld world, Message message) {
    int number = number(message);
    world.sent[number / Long.SIZE] |= 1L << number;
  }

  boolean isSent(ModelWorld world, Message message) {
    int number = number(message);
    return (world.sent[number / Long.SIZE] >> number & 1) != 0;
  }

  private int number(Message message) {
    Integer known = numbers.get(message);
    if (known != null) {
      return known;
    }
    int number = messages.size();
    if (number == WORDS * Long.SIZE) {
      throw new IllegalStateException("more than " + number + " different messages");
    }
    messages.add(message);
    numbers.put(message, number);
    return number;
  }

  String step(int slot) {
    return scope.shape().steps().get(slot);
  }

  int slot(String step) {
    return scope.shape().steps().indexOf(step);
  }

  boolean allows(Fault fault) {
    return scope.allows(fault);
  }
}
