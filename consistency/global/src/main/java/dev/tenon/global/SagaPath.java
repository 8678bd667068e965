package dev.tenon.global;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** The steps that a run of a saga's code has taken, each under a name of its own. */
final class SagaPath {
  private final List<String> steps = new ArrayList<>();
  private final Map<String, Integer> seen = new HashMap<>();

  /** Takes a step; a name that comes again is numbered. */
  String take(String name) {
    int times = seen.merge(name, 1, Integer::sum);
    String step = Branch.requireStep(times == 1 ? name : name + "#" + times);
    steps.add(step);
    return step;
  }

  /** The step taken last is not reached so far. */
  void giveBack() {
    steps.removeLast();
  }

  int length() {
    return steps.size();
  }

  List<String> steps() {
    return List.copyOf(steps);
  }

  /** Whether the step taken last is not the one that was recorded in its place, if one was. */
  boolean leaves(List<String> recorded) {
    int place = steps.size() - 1;
    return place < recorded.size() && !recorded.get(place).equals(steps.get(place));
  }

  /** An id that is the same in each run. */
  static UUID id(UUID xid, String name) {
    return UUID.nameUUIDFromBytes((xid + "/" + name).getBytes(UTF_8));
  }

  /** A step's key, which is the same in each run. */
  static String key(UUID xid, String step) {
    return xid + "/" + Branch.requireStep(step);
  }

  @Override
  public String toString() {
    return steps.toString();
  }
}
