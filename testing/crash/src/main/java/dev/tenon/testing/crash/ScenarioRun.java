package dev.tenon.testing.crash;

import dev.tenon.testing.crash.Violation.Injection;
import dev.tenon.testing.crash.Violation.Phase;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of a scenario with its recoveries.
 *
 * @param points what was reached, in order
 * @param struck the faults that struck
 * @param strayed whether a planned point was missed, or was another one
 * @param violation what did not hold
 */
record ScenarioRun(
    List<Point> points, List<Injection> struck, boolean strayed, Optional<Violation> violation) {
  private static final Logger LOG = LoggerFactory.getLogger(ScenarioRun.class);

  /** Resets, runs, recovers until no fault strikes any more, and checks. */
  static ScenarioRun of(
      Scenario scenario, List<Injection> plan, int pointsMax, Connections sessions) {
    try {
      scenario.reset();
    } catch (Exception e) {
      throw new CrashExplorerException(
          "Could not reset the scenario [scenario=%s]: %s. Its databases must be as at the start."
              .formatted(scenario.getClass().getName(), e.getMessage()),
          e);
    }
    Points points = new Points(plan, pointsMax);
    Optional<Violation> violation =
        work(new World(points, sessions), points, scenario::run, Phase.RUN);
    int struck = -1;
    while (violation.isEmpty() && struck < points.struck().size()) {
      struck = points.struck().size();
      violation = work(new World(points, sessions), points, scenario::recover, Phase.RECOVER);
    }
    if (violation.isEmpty()) {
      violation = failure(points, Phase.CHECK, scenario::check);
    }
    violation.ifPresent(found -> LOG.debug("Found a violation: {}", found));
    return new ScenarioRun(points.reached(), points.struck(), points.strayed(), violation);
  }

  int count(Point.Kind kind) {
    return (int) points.stream().filter(point -> point.kind() == kind).count();
  }

  private static Optional<Violation> work(World world, Points points, Work work, Phase phase) {
    try {
      Optional<Violation> violation = failure(points, phase, () -> work.in(world));
      points.requireBounded();
      world.deliverLate();
      return world.workEnded() ? Optional.empty() : violation;
    } finally {
      world.end();
    }
  }

  private static Optional<Violation> failure(Points points, Phase phase, World.Work step) {
    try {
      step.run();
      return Optional.empty();
    } catch (VirtualMachineError e) {
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CrashExplorerException("Could not explore the scenario: it was interrupted.", e);
    } catch (Exception | Error e) {
      return Optional.of(new Violation(points.struck(), phase, e));
    }
  }

  @FunctionalInterface
  private interface Work {
    void in(World world) throws Exception;
  }
}
