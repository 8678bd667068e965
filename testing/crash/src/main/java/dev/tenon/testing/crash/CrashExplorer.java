package dev.tenon.testing.crash;

import static java.util.Objects.requireNonNull;

import dev.tenon.testing.crash.Violation.Injection;
import dev.tenon.testing.crash.Violation.Phase;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Explores how a scenario survives faults: runs it once, counts every durable commit and every
 * send, then reruns it once for each fault at each of these points, and checks afterwards what must
 * hold.
 *
 * <pre>{@code
 * CrashExplorer.create().explore(new OrderFlow()).requireNoViolations();
 * }</pre>
 *
 * <p>Immutable: each method that configures returns a changed copy. An exploration runs on the
 * calling thread.
 */
public final class CrashExplorer {
  private static final Logger LOG = LoggerFactory.getLogger(CrashExplorer.class);
  private static final int POINTS_MAX = 10_000;

  /** Names one fault to explore, as {@code 12/crash-after}, when a violation is to be debugged. */
  public static final String ONLY_PROPERTY = "tenon.crash.only";

  private final Set<Fault> faults;
  private final int secondCrashes;
  private final long seed;
  private final int pointsMax;
  private final Optional<String> only;
  private final Consumer<Exploration> report;

  private CrashExplorer(
      Set<Fault> faults,
      int secondCrashes,
      long seed,
      int pointsMax,
      Optional<String> only,
      Consumer<Exploration> report) {
    this.faults = Set.copyOf(faults);
    this.secondCrashes = secondCrashes;
    this.seed = seed;
    this.pointsMax = pointsMax;
    this.only = only;
    this.report = report;
  }

  /**
   * An explorer of every fault, with no second crash.
   *
   * @return it, or one that explores a single fault if the property {@value #ONLY_PROPERTY} names
   *     it
   */
  public static CrashExplorer create() {
    return new CrashExplorer(
        EnumSet.allOf(Fault.class),
        0,
        0,
        POINTS_MAX,
        Optional.ofNullable(System.getProperty(ONLY_PROPERTY)),
        exploration -> {});
  }

  /**
   * Explores some faults only.
   *
   * @param some at least one
   * @return a changed copy
   */
  public CrashExplorer faults(Set<Fault> some) {
    if (some.isEmpty()) {
      throw new IllegalArgumentException("some: none (expected: at least one fault)");
    }
    return new CrashExplorer(some, secondCrashes, seed, pointsMax, only, report);
  }

  /**
   * Crashes a sample of the recoveries, too.
   *
   * @param count the most second crashes to try; zero or more
   * @param sampleSeed chooses them; the same seed chooses the same ones
   * @return a changed copy
   */
  public CrashExplorer secondCrashes(int count, long sampleSeed) {
    if (count < 0) {
      throw new IllegalArgumentException("count: " + count + " (expected: >= 0)");
    }
    return new CrashExplorer(faults, count, sampleSeed, pointsMax, only, report);
  }

  /**
   * Bounds the points of one run with its recoveries; 10,000 by default. A run that passes it does
   * not end.
   *
   * @param most at least 1
   * @return a changed copy
   */
  public CrashExplorer pointsMax(int most) {
    if (most < 1) {
      throw new IllegalArgumentException("most: " + most + " (expected: >= 1)");
    }
    return new CrashExplorer(faults, secondCrashes, seed, most, only, report);
  }

  /**
   * Explores one fault, to debug it.
   *
   * @param id such as {@code 12/crash-after}
   * @return a changed copy
   */
  public CrashExplorer only(String id) {
    return new CrashExplorer(faults, secondCrashes, seed, pointsMax, Optional.of(id), report);
  }

  CrashExplorer reportingTo(Consumer<Exploration> other) {
    return new CrashExplorer(faults, secondCrashes, seed, pointsMax, only, other);
  }

  /**
   * Explores a scenario.
   *
   * @param scenario what to explore
   * @return what was found; violations are in it, not thrown
   * @throws CrashExplorerException if the scenario cannot be reset, fails without any fault, has no
   *     point, or does not end
   */
  public Exploration explore(Scenario scenario) {
    requireNonNull(scenario, "scenario");
    try (Connections sessions = new Connections()) {
      return explore(scenario, sessions);
    }
  }

  private Exploration explore(Scenario scenario, Connections sessions) {
    Run intact = run(scenario, List.of(), sessions);
    requireUsable(scenario, intact);
    List<Run> runs = new ArrayList<>();
    for (Injection injection : injections(intact.points())) {
      runs.add(run(scenario, List.of(injection), sessions));
    }
    for (List<Injection> twice : second(runs)) {
      runs.add(run(scenario, twice, sessions));
    }
    if (runs.isEmpty()) {
      throw new CrashExplorerException(
          ("Could not explore the scenario [points=%d, only=%s]: no fault applies."
                  + " Name another one.")
              .formatted(intact.points().size(), only.orElse("")));
    }
    Exploration exploration =
        new Exploration(
            count(intact, Point.Kind.COMMIT),
            count(intact, Point.Kind.SEND),
            runs.size(),
            (int) runs.stream().filter(Run::strayed).count(),
            runs.stream().flatMap(run -> run.violation().stream()).toList());
    LOG.info("{}: {}", scenario.getClass().getSimpleName(), exploration);
    report.accept(exploration);
    return exploration;
  }

  private static void requireUsable(Scenario scenario, Run intact) {
    intact
        .violation()
        .ifPresent(
            violation -> {
              throw new CrashExplorerException(
                  "Could not explore the scenario [scenario=%s]: it fails without any fault, %s"
                      .formatted(scenario.getClass().getName(), violation),
                  violation.cause());
            });
    if (intact.points().isEmpty()) {
      throw new CrashExplorerException(
          ("Could not explore the scenario [scenario=%s]: no commit and no send was seen. Build its"
                  + " services over the world's data sources.")
              .formatted(scenario.getClass().getName()));
    }
  }

  private List<Injection> injections(List<Point> points) {
    return points.stream()
        .flatMap(point -> point.faults().stream().map(fault -> new Injection(point, fault)))
        .filter(injection -> faults.contains(injection.fault()))
        .filter(injection -> only.isEmpty() || only.get().equals(injection.id()))
        .toList();
  }

  /** A seeded sample of crashes in what followed a first crash. */
  private List<List<Injection>> second(List<Run> runs) {
    List<List<Injection>> pairs = new ArrayList<>();
    for (Run run : runs) {
      for (Injection first : run.struck()) {
        run.points().stream()
            .filter(point -> first.fault().crash() && point.number() > first.point().number())
            .flatMap(point -> point.faults().stream().map(fault -> new Injection(point, fault)))
            .filter(injection -> injection.fault().crash() && faults.contains(injection.fault()))
            .forEach(injection -> pairs.add(List.of(first, injection)));
      }
    }
    Collections.shuffle(pairs, new Random(seed));
    return pairs.subList(0, Math.min(pairs.size(), secondCrashes));
  }

  private static int count(Run run, Point.Kind kind) {
    return (int) run.points().stream().filter(point -> point.kind() == kind).count();
  }

  private Run run(Scenario scenario, List<Injection> plan, Connections sessions) {
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
    return new Run(points.reached(), points.struck(), points.strayed(), violation);
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

  private static Optional<Violation> failure(Points points, Phase phase, Step step) {
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

  @FunctionalInterface
  private interface Step {
    void run() throws Exception;
  }

  /** One run with its recoveries. */
  private record Run(
      List<Point> points, List<Injection> struck, boolean strayed, Optional<Violation> violation) {}
}
