package dev.tenon.testing.crash;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * A place in a run where a fault can strike. Immutable.
 *
 * @param number which point of the run it is, from 1
 * @param kind what happens there
 * @param process the name of the process that does it
 * @param what the last statements of the transaction, or the name of the send; no parameters
 * @param site where the code did it: stack frames, innermost first, without those of drivers, pools
 *     and the explorer
 * @param faults what can strike there
 */
public record Point(
    int number, Kind kind, String process, String what, List<String> site, List<Fault> faults) {

  /** Checks and copies. */
  public Point {
    requireNonNull(kind, "kind");
    requireNonNull(process, "process");
    requireNonNull(what, "what");
    site = List.copyOf(site);
    faults = List.copyOf(faults);
  }

  /** What happens at a point. */
  public enum Kind {
    /** A transaction that wrote something becomes durable. */
    COMMIT,
    /** Something leaves a process for another. */
    SEND
  }

  boolean looksLike(Point other) {
    return kind == other.kind && process.equals(other.process) && what.equals(other.what);
  }

  /**
   * The point with its site, one frame per line.
   *
   * @return several lines
   */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    text.append(kind == Kind.COMMIT ? "commit " : "send ").append(number);
    text.append(" of ").append(process).append(": ").append(what);
    site.forEach(frame -> text.append("\n    at ").append(frame));
    return text.toString();
  }
}
