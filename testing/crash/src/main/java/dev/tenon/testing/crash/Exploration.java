package dev.tenon.testing.crash;

import java.util.List;

/**
 * What an exploration found.
 *
 * @param commits how many durable commits the run without a fault made
 * @param sends how many sends it made
 * @param runs how many runs with a fault followed
 * @param strays how many of these did not reach their point, or met another one in its place: the
 *     scenario is not deterministic there
 * @param violations what did not hold, in the order of the points
 */
public record Exploration(
    int commits, int sends, int runs, int strays, List<Violation> violations) {

  private static final int VIOLATIONS_SHOWN_MAX = 10;

  /** Copies. */
  public Exploration {
    violations = List.copyOf(violations);
  }

  /**
   * Requires that everything held.
   *
   * @return this
   * @throws AssertionError if there is a violation; it shows the first ten with their points
   */
  public Exploration requireNoViolations() {
    if (violations.isEmpty()) {
      return this;
    }
    StringBuilder text = new StringBuilder(toString());
    for (Violation violation : violations.subList(0, shown())) {
      text.append("\n\n").append(violation);
    }
    if (violations.size() > shown()) {
      text.append("\n\n… and ").append(violations.size() - shown()).append(" more");
    }
    throw new AssertionError(text.toString(), violations.getFirst().cause());
  }

  private int shown() {
    return Math.min(violations.size(), VIOLATIONS_SHOWN_MAX);
  }

  /**
   * The numbers.
   *
   * @return such as {@code explored 37 commits and 12 sends by 98 faults, 0 violations}
   */
  @Override
  public String toString() {
    return "explored %d commits and %d sends by %d faults, %d violations%s"
        .formatted(
            commits,
            sends,
            runs,
            violations.size(),
            strays == 0 ? "" : " (" + strays + " strayed: the scenario is not deterministic)");
  }
}
