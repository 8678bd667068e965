package dev.tenon.testing.crash;

import static dev.tenon.testing.crash.Fault.CRASH_BEFORE;

import dev.tenon.testing.crash.Violation.Injection;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Numbers the points of one run and its recoveries, and says where a planned fault strikes. */
final class Points {
  private final List<Injection> plan;
  private final int pointsMax;
  private final List<Point> reached = new ArrayList<>();
  private final List<Injection> struck = new ArrayList<>();
  private boolean exhausted;

  Points(List<Injection> plan, int pointsMax) {
    this.plan = List.copyOf(plan);
    this.pointsMax = pointsMax;
  }

  synchronized Optional<Injection> reach(
      Point.Kind kind, String process, String what, List<Fault> faults) {
    int number = reached.size() + 1;
    if (number > pointsMax) {
      exhausted = true;
      return Optional.of(
          new Injection(point(number, kind, process, what, List.of()), CRASH_BEFORE));
    }
    Point point = point(number, kind, process, what, faults);
    reached.add(point);
    Optional<Injection> strike =
        plan.stream()
            .filter(planned -> planned.point().number() == number)
            .filter(planned -> faults.contains(planned.fault()))
            .map(planned -> new Injection(point, planned.fault()))
            .findFirst();
    strike.ifPresent(struck::add);
    return strike;
  }

  private static Point point(
      int number, Point.Kind kind, String process, String what, List<Fault> faults) {
    return new Point(number, kind, process, what, CallSite.frames(), faults);
  }

  /** Requires that the run ended by itself. */
  synchronized void requireBounded() {
    if (exhausted) {
      throw new CrashExplorerException(
          "Could not explore the scenario [points="
              + pointsMax
              + "]: it does not end. Make it stop when nothing is pending, or raise pointsMax.");
    }
  }

  synchronized List<Point> reached() {
    return List.copyOf(reached);
  }

  /** The faults that struck, at the points that were met. */
  synchronized List<Injection> struck() {
    return List.copyOf(struck);
  }

  /** Whether a planned point was missed, or was another one than planned. */
  synchronized boolean strayed() {
    if (struck.size() != plan.size()) {
      return true;
    }
    for (int i = 0; i < plan.size(); i++) {
      if (!struck.get(i).point().looksLike(plan.get(i).point())) {
        return true;
      }
    }
    return false;
  }
}
