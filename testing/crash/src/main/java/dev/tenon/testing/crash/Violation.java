package dev.tenon.testing.crash;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * A run after which something did not hold.
 *
 * @param faults what was injected and where, in order; empty for the run without a fault
 * @param phase what failed
 * @param cause what it threw
 */
public record Violation(List<Injection> faults, Phase phase, Throwable cause) {

  /** Checks and copies. */
  public Violation {
    faults = List.copyOf(faults);
    requireNonNull(phase, "phase");
    requireNonNull(cause, "cause");
  }

  /** A part of a scenario. */
  public enum Phase {
    /** {@link Scenario#run} failed, though the fault gave it no reason to. */
    RUN,
    /** {@link Scenario#recover} failed. */
    RECOVER,
    /** {@link Scenario#check} failed. */
    CHECK
  }

  /**
   * A fault at a point.
   *
   * @param point where
   * @param fault what
   */
  public record Injection(Point point, Fault fault) {
    /** Checks that nothing is missing. */
    public Injection {
      requireNonNull(point, "point");
      requireNonNull(fault, "fault");
    }

    /**
     * The name of the injection, which {@link CrashExplorer#only} takes.
     *
     * @return such as {@code 12/crash-after}
     */
    public String id() {
      return point.number() + "/" + fault;
    }
  }

  /**
   * Faults, points with their sites, and what failed.
   *
   * @return several lines
   */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (Injection injection : faults) {
      text.append(injection.id()).append(" at ").append(injection.point()).append("\n  ");
    }
    if (faults.isEmpty()) {
      text.append("without a fault\n  ");
    }
    String thrown = String.valueOf(cause).strip().replace("\n", "\n    ");
    return text.append(
            switch (phase) {
              case RUN -> "the run failed: ";
              case RECOVER -> "recovery failed: ";
              case CHECK -> "afterwards: ";
            })
        .append(thrown)
        .toString();
  }
}
