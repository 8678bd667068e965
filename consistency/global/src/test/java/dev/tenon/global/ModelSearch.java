package dev.tenon.global;

import dev.tenon.global.ModelWorld.Database;
import dev.tenon.global.ModelWorld.Ghost;
import dev.tenon.global.ModelWorld.Pending;
import dev.tenon.global.ModelWorld.Run;
import dev.tenon.global.ModelWorld.Slot;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Visits every state that a model can reach, nearest first, and checks each; the trace to the first
 * that is wrong is thus a shortest one. States are kept as numbers of their parts.
 */
final class ModelSearch {
  private final Model model;
  private final ModelInvariants invariants;
  private final int statesMax;
  private final Parts<Database> databases = new Parts<>();
  private final Parts<List<Database>> pasts = new Parts<>();
  private final Parts<Optional<Pending>> pendings = new Parts<>();
  private final Parts<Run> runs = new Parts<>();
  private final Parts<Slot> slots = new Parts<>();
  private final Parts<Ghost> ghosts = new Parts<>();
  private final Map<Key, Key> found = new HashMap<>(); // state to the state it came from

  private ModelSearch(Model model, int statesMax) {
    this.model = model;
    this.invariants = new ModelInvariants(model);
    this.statesMax = statesMax;
  }

  /**
   * What was found.
   *
   * @param states that were visited
   * @param depth of the deepest, in steps
   * @param steps that were taken between states
   * @param complete whether these are all states there are
   * @param broken what is wrong with the last state of the trace
   * @param trace how it comes to that; empty if nothing is wrong
   */
  record Verdict(
      int states,
      int depth,
      long steps,
      boolean complete,
      Optional<String> broken,
      List<String> trace) {

    @Override
    public String toString() {
      StringBuilder text = new StringBuilder();
      text.append(states).append(" states, depth ").append(depth).append(", ");
      text.append(steps).append(" steps").append(complete ? "" : ", not complete");
      broken.ifPresent(what -> text.append("\n").append(what).append(", after:"));
      for (int i = 0; i < trace.size(); i++) {
        text.append("\n").append(String.format("%4d. %s", i + 1, trace.get(i)));
      }
      return text.toString();
    }
  }

  /**
   * Searches.
   *
   * @param statesMax where it gives up
   */
  static Verdict search(ModelScope scope, ModelRules rules, int statesMax) {
    return new ModelSearch(new Model(scope, rules), statesMax).search();
  }

  /** Numbers for equal parts; most are the very ones that were numbered before. */
  private static final class Parts<T> {
    private final Map<T, Integer> same = new IdentityHashMap<>();
    private final Map<T, Integer> numbers = new HashMap<>();
    private final List<T> parts = new ArrayList<>();

    int number(T part) {
      Integer known = same.get(part);
      if (known == null) {
        known = numbers.get(part);
      }
      if (known != null) {
        return known;
      }
      same.put(part, parts.size());
      parts.add(part);
      numbers.put(part, parts.size() - 1);
      return parts.size() - 1;
    }

    T part(int number) {
      return parts.get(number);
    }
  }

  /** A state. */
  private static final class Key {
    private final long[] longs;
    private final int[] numbers;
    private final int hash;

    Key(long[] longs, int[] numbers) {
      this.longs = longs;
      this.numbers = numbers;
      int mixed = (31 * Arrays.hashCode(longs) + Arrays.hashCode(numbers)) * 0x9E3779B9;
      this.hash = mixed ^ (mixed >>> 15);
    }

    @Override
    public int hashCode() {
      return hash;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Key key
          && hash == key.hash
          && Arrays.equals(numbers, key.numbers)
          && Arrays.equals(longs, key.longs);
    }
  }

  private Key key(ModelWorld world) {
    int fixed = 7;
    int[] numbers = new int[fixed + world.slots.length];
    numbers[0] = world.tick;
    numbers[1] = databases.number(world.database);
    numbers[2] = pasts.number(world.past);
    numbers[3] = pendings.number(world.pending);
    numbers[4] = runs.number(world.runs[0]);
    numbers[5] = runs.number(world.runs[1]);
    numbers[6] = ghosts.number(world.ghost);
    for (int i = 0; i < world.slots.length; i++) {
      numbers[fixed + i] = slots.number(world.slots[i]);
    }
    long[] longs = Arrays.copyOf(world.sent, world.sent.length + 1);
    longs[world.sent.length] = world.faultsLeft;
    return new Key(longs, numbers);
  }

  private ModelWorld world(Key key) {
    ModelWorld world = new ModelWorld();
    int fixed = 7;
    world.tick = key.numbers[0];
    world.database = databases.part(key.numbers[1]);
    world.past = pasts.part(key.numbers[2]);
    world.pending = pendings.part(key.numbers[3]);
    world.runs = new Run[] {runs.part(key.numbers[4]), runs.part(key.numbers[5])};
    world.ghost = ghosts.part(key.numbers[6]);
    world.slots = new Slot[key.numbers.length - fixed];
    for (int i = 0; i < world.slots.length; i++) {
      world.slots[i] = slots.part(key.numbers[fixed + i]);
    }
    world.sent = Arrays.copyOf(key.longs, key.longs.length - 1);
    world.faultsLeft = key.longs[key.longs.length - 1];
    return world;
  }

  private Verdict search() {
    Key first = key(model.first());
    found.put(first, first);
    Deque<Key> waiting = new ArrayDeque<>(List.of(first));
    List<Key> level = new ArrayList<>();
    Wrong wrong = new Wrong();
    long[] steps = {0};
    int depth = 0;
    while (!waiting.isEmpty() && wrong.what.isEmpty() && found.size() < statesMax) {
      Key from = waiting.poll();
      model.successors(
          world(from),
          (next, what) -> {
            steps[0]++;
            if (wrong.what.isEmpty()) {
              visit(from, next, what, level, wrong);
            }
          });
      if (waiting.isEmpty() && !level.isEmpty()) {
        waiting.addAll(level);
        level.clear();
        depth++;
      }
    }
    List<String> trace = new ArrayList<>();
    if (wrong.what.isPresent()) {
      trace = trace(wrong.from);
      trace.add(wrong.step);
    }
    boolean complete = waiting.isEmpty() && wrong.what.isEmpty();
    return new Verdict(found.size(), depth, steps[0], complete, wrong.what, trace);
  }

  private static final class Wrong {
    private Optional<String> what = Optional.empty();
    private Key from;
    private String step;
  }

  private void visit(
      Key from, ModelWorld next, Supplier<String> what, List<Key> level, Wrong wrong) {
    Key to = key(next);
    boolean known = found.putIfAbsent(to, from) != null;
    if (known && next.fault.isEmpty()) {
      return;
    }
    wrong.what = invariants.broken(next);
    if (wrong.what.isPresent()) {
      wrong.from = from;
      wrong.step = what.get();
    } else {
      level.add(to);
    }
  }

  private List<String> trace(Key last) {
    List<String> trace = new ArrayList<>();
    for (Key at = last; !found.get(at).equals(at); at = found.get(at)) {
      trace.add(step(found.get(at), at));
    }
    Collections.reverse(trace);
    return trace;
  }

  private String step(Key from, Key to) {
    List<String> steps = new ArrayList<>();
    model.successors(
        world(from),
        (next, what) -> {
          if (key(next).equals(to)) {
            steps.add(what.get());
          }
        });
    return steps.getFirst();
  }
}
