package dev.tenon.testing.crash;

import static java.util.Objects.requireNonNull;

import dev.tenon.testing.crash.Violation.Injection;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
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

  /** If {@code true}, {@link #sample} has no effect: every fault is explored. */
  public static final String FULL_PROPERTY = "tenon.crash.full";

  private final Options options;
  private final Consumer<Exploration> report;

  /**
   * What to explore.
   *
   * @param othersMax the most faults other than {@link Fault#CRASH_AFTER}
   * @param only the one fault to explore, or empty
   */
  private record Options(
      Set<Fault> faults,
      int othersMax,
      int secondCrashes,
      long seed,
      int pointsMax,
      Optional<String> only) {}

  private CrashExplorer(Options options, Consumer<Exploration> report) {
    this.options = options;
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
        new Options(
            EnumSet.allOf(Fault.class),
            Integer.MAX_VALUE,
            0,
            1,
            POINTS_MAX,
            Optional.ofNullable(System.getProperty(ONLY_PROPERTY))),
        exploration -> {});
  }

  /**
   * Explores some kinds of faults only.
   *
   * @param kinds at least one
   * @return a changed copy
   */
  public CrashExplorer faults(Set<Fault> kinds) {
    if (kinds.isEmpty()) {
      throw new IllegalArgumentException("kinds: none (expected: at least one fault)");
    }
    Options o = options;
    return with(
        new Options(Set.copyOf(kinds), o.othersMax, o.secondCrashes, o.seed, o.pointsMax, o.only));
  }

  /**
   * Explores {@link Fault#CRASH_AFTER} at each point, which reaches every durable state there is,
   * and a sample of the other faults: for long flows in an everyday build. The property {@value
   * #FULL_PROPERTY} lifts it.
   *
   * @param othersMax the most other faults; zero or more
   * @return a changed copy
   */
  public CrashExplorer sample(int othersMax) {
    Options o = options;
    int most = Boolean.getBoolean(FULL_PROPERTY) ? Integer.MAX_VALUE : notNegative(othersMax);
    return with(new Options(o.faults, most, o.secondCrashes, o.seed, o.pointsMax, o.only));
  }

  /**
   * Crashes a sample of the recoveries, too.
   *
   * @param count the most second crashes to try; zero or more
   * @return a changed copy
   */
  public CrashExplorer secondCrashes(int count) {
    Options o = options;
    return with(
        new Options(o.faults, o.othersMax, notNegative(count), o.seed, o.pointsMax, o.only));
  }

  /**
   * Chooses the samples.
   *
   * @param value the same one chooses the same samples; 1 unless set
   * @return a changed copy
   */
  public CrashExplorer seed(long value) {
    Options o = options;
    return with(new Options(o.faults, o.othersMax, o.secondCrashes, value, o.pointsMax, o.only));
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
    Options o = options;
    return with(new Options(o.faults, o.othersMax, o.secondCrashes, o.seed, most, o.only));
  }

  /**
   * Explores one fault, to debug it.
   *
   * @param id such as {@code 12/crash-after}
   * @return a changed copy
   */
  public CrashExplorer only(String id) {
    Options o = options;
    return with(
        new Options(o.faults, o.othersMax, o.secondCrashes, o.seed, o.pointsMax, Optional.of(id)));
  }

  private static int notNegative(int count) {
    if (count < 0) {
      throw new IllegalArgumentException("count: " + count + " (expected: >= 0)");
    }
    return count;
  }

  private CrashExplorer with(Options other) {
    return new CrashExplorer(other, report);
  }

  CrashExplorer reportingTo(Consumer<Exploration> other) {
    return new CrashExplorer(options, other);
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
    ScenarioRun intact = run(scenario, List.of(), sessions);
    requireUsable(scenario, intact);
    List<ScenarioRun> runs = new ArrayList<>();
    for (Injection injection : first(intact)) {
      runs.add(run(scenario, List.of(injection), sessions));
    }
    for (List<Injection> twice : second(runs)) {
      runs.add(run(scenario, twice, sessions));
    }
    if (runs.isEmpty()) {
      throw new CrashExplorerException(
          ("Could not explore the scenario [points=%d, only=%s]: no fault applies."
                  + " Name another one.")
              .formatted(intact.points().size(), options.only().orElse("")));
    }
    Exploration exploration =
        new Exploration(
            intact.count(Point.Kind.COMMIT),
            intact.count(Point.Kind.SEND),
            runs.size(),
            (int) runs.stream().filter(ScenarioRun::strayed).count(),
            runs.stream().flatMap(run -> run.violation().stream()).toList());
    LOG.info("{}: {}", scenario.getClass().getSimpleName(), exploration);
    report.accept(exploration);
    return exploration;
  }

  private ScenarioRun run(Scenario scenario, List<Injection> plan, Connections sessions) {
    return ScenarioRun.of(scenario, plan, options.pointsMax(), sessions);
  }

  private static void requireUsable(Scenario scenario, ScenarioRun intact) {
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

  /** The faults of the runs with one fault, in the order of the points. */
  private List<Injection> first(ScenarioRun intact) {
    List<Injection> all =
        intact.points().stream()
            .flatMap(CrashExplorer::injections)
            .filter(injection -> options.faults().contains(injection.fault()))
            .filter(injection -> options.only().isEmpty() || isOnly(injection))
            .toList();
    List<Injection> others =
        new ArrayList<>(
            all.stream().filter(injection -> injection.fault() != Fault.CRASH_AFTER).toList());
    if (others.size() <= options.othersMax()) {
      return all;
    }
    Collections.shuffle(others, new Random(options.seed()));
    Set<Injection> chosen = Set.copyOf(others.subList(0, options.othersMax()));
    return all.stream()
        .filter(injection -> injection.fault() == Fault.CRASH_AFTER || chosen.contains(injection))
        .toList();
  }

  private boolean isOnly(Injection injection) {
    return injection.id().equals(options.only().orElse(""));
  }

  private static Stream<Injection> injections(Point point) {
    return point.faults().stream().map(fault -> new Injection(point, fault));
  }

  /** A sample of crashes in what followed a first crash. */
  private List<List<Injection>> second(List<ScenarioRun> runs) {
    List<List<Injection>> pairs = new ArrayList<>();
    for (ScenarioRun run : runs) {
      for (Injection first : run.struck()) {
        run.points().stream()
            .filter(point -> first.fault().crash() && point.number() > first.point().number())
            .flatMap(CrashExplorer::injections)
            .filter(injection -> injection.fault().crash())
            .filter(injection -> options.faults().contains(injection.fault()))
            .forEach(injection -> pairs.add(List.of(first, injection)));
      }
    }
    Collections.shuffle(pairs, new Random(options.seed()));
    return pairs.subList(0, Math.min(pairs.size(), options.secondCrashes()));
  }
}
