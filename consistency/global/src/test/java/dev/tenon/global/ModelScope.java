package dev.tenon.global;

import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * How much a search may do: who calls whom, and how often each fault may strike. Messages need no
 * limit: one that was sent may be late, lost or doubled in every run.
 */
record ModelScope(
    String name,
    Shape shape,
    List<Tries> tries,
    Mode mode,
    Deadline deadline,
    int ticks,
    Map<Fault, Integer> faults) {

  /** Who calls whom. */
  enum Shape {
    /** The starter calls one participant, then another. */
    FLAT,
    /** The starter calls a participant, which calls another. */
    CHAIN,
    /** Both. */
    MIXED;

    /** The step of each slot. */
    List<String> steps() {
      return switch (this) {
        case FLAT -> List.of("1", "2");
        case CHAIN -> List.of("1", "1.1");
        case MIXED -> List.of("1", "1.1", "2");
      };
    }

    /** The slots that the starter calls. */
    List<Integer> program() {
      return switch (this) {
        case FLAT -> List.of(0, 1);
        case CHAIN -> List.of(0);
        case MIXED -> List.of(0, 2);
      };
    }

    /** The slot that the work of this one calls; -1 if it calls nobody. */
    int child(int slot) {
      return this != FLAT && slot == 0 ? 1 : -1;
    }

    String service(int slot) {
      return slot == 0 ? "stock" : "payment";
    }
  }

  /** What a try is. */
  enum Tries {
    /** One local commit, and nothing can come between its begin and its end. */
    SQL,
    /** One local commit, some time after its begin. */
    SLOW_SQL,
    /** An effect elsewhere, between two local commits. */
    ELSEWHERE,
    /** One local commit, whose rows triggers capture and lock against other writers. */
    AT,
    /** One local transaction, which is prepared, and seen by nobody until it is committed. */
    XA
  }

  /** What the starter is. */
  enum Mode {
    /** It dies with its process. */
    TRANSACTION,
    /** Another instance runs it again. */
    SAGA,
    /** So it does, and a pivot that may be refused decides it. */
    PIVOT
  }

  /** When the transaction can be committed no more. */
  enum Deadline {
    /** Before the second moment: all may be forgotten at the third. */
    SHORT(10),
    /** Before the fourth: what was committed early may be forgotten before it. */
    LONG(30);

    final Instant instant;

    Deadline(long seconds) {
      instant = Instant.ofEpochSecond(seconds);
    }
  }

  /** What may happen a limited number of times. */
  enum Fault {
    /** The process of a run dies. */
    STARTER_CRASH,
    /** All work of a participant dies. */
    PARTICIPANT_CRASH,
    /** A caller waits no more. */
    NO_ANSWER,
    /** The application fails between two steps. */
    GIVE_UP,
    /** A call is refused, and the refusal is stored. */
    REFUSAL,
    /** A call's work fails, and nothing is stored. */
    FAILURE,
    /** Work skips a call: it runs on another path. */
    OTHER_PATH,
    /** The connection breaks while a commit is under way. */
    LOST_COMMIT,
    /** The second instance runs the saga, whatever the first is doing. */
    TAKEOVER,
    /** The starter's database fails over to an older state. */
    STARTER_FAILOVER,
    /** A participant's database fails over to an older state. */
    PARTICIPANT_FAILOVER,
    /** Somebody raises the horizon of what is forgotten past this transaction's start. */
    RAISE,
    /** A decision is deleted. */
    FORGET,
    /** A closed branch is deleted. */
    SWEEP,
    /** Another writer comes to a row that a branch has written. */
    PLAIN_WRITE,
    /** Somebody writes such a row while the triggers are off. */
    DIRTY_WRITE
  }

  static ModelScope of(String name, Shape shape) {
    return new ModelScope(
        name,
        shape,
        List.of(Tries.SQL),
        Mode.TRANSACTION,
        Deadline.SHORT,
        2,
        Map.copyOf(new EnumMap<>(Fault.class)));
  }

  /** What a try is, in each slot; the last is that of all further ones. */
  ModelScope tries(Tries... changed) {
    return new ModelScope(name, shape, List.of(changed), mode, deadline, ticks, faults);
  }

  Tries tries(int slot) {
    return tries.get(Math.min(slot, tries.size() - 1));
  }

  ModelScope saga() {
    return new ModelScope(name, shape, tries, Mode.SAGA, deadline, ticks, faults);
  }

  ModelScope pivot() {
    return new ModelScope(name, shape, tries, Mode.PIVOT, deadline, ticks, faults);
  }

  ModelScope longDeadline() {
    return new ModelScope(name, shape, tries, mode, Deadline.LONG, ticks, faults);
  }

  /** How many of the model's moments there are. */
  ModelScope ticks(int changed) {
    return new ModelScope(name, shape, tries, mode, deadline, changed, faults);
  }

  ModelScope with(Fault... added) {
    EnumMap<Fault, Integer> changed = new EnumMap<>(Fault.class);
    changed.putAll(faults);
    for (Fault fault : added) {
      changed.merge(fault, 1, Integer::sum);
    }
    return new ModelScope(name, shape, tries, mode, deadline, ticks, changed);
  }

  boolean allows(Fault fault) {
    return faults.getOrDefault(fault, 0) > 0;
  }

  @Override
  public String toString() {
    return name;
  }
}
