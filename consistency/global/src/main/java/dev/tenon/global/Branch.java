package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import java.util.UUID;
import java.util.regex.Pattern;

/**
 * A participant's part in a distributed transaction: a local commit that can still be confirmed or
 * undone.
 *
 * @param service whose it is
 * @param id random, so that a lost try and its repetition are never taken for one another
 * @param kind how it ends
 * @param step the call that opened it, unique in its transaction; steps of calls made in turn begin
 *     with that of the call that made them, and a full stop
 */
public record Branch(String service, UUID id, BranchKind kind, String step) {
  /** The most characters of a step. */
  public static final int STEP_LENGTH_MAX = 120;

  private static final Pattern STEP = Pattern.compile("[A-Za-z0-9_#.-]{1," + STEP_LENGTH_MAX + "}");

  /** Checks the parts. */
  public Branch {
    requireNonNull(service, "service");
    requireNonNull(id, "id");
    requireNonNull(kind, "kind");
    requireStep(step);
  }

  static String requireStep(String step) {
    if (!STEP.matcher(step).matches()) {
      throw new IllegalArgumentException(
          "step: "
              + step
              + " (expected: 1.."
              + STEP_LENGTH_MAX
              + " letters, digits, dashes, underscores, number signs and full stops)");
    }
    return step;
  }
}
