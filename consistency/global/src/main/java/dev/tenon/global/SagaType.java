package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * A kind of saga.
 *
 * @param name stored with each saga, so it must not change while one is under way; 1 to {@value
 *     #NAME_LENGTH_MAX} characters
 * @param input the type of the input
 * @param output the type of the result
 * @param timeout from the start to the hard deadline: one that is not decided by then is aborted.
 *     Once it is committed it may go on for as long as {@link GlobalConfig#keep} says beyond that,
 *     and is parked if it would last longer: the results of its steps are kept no longer
 * @param code what it does
 * @param <I> the input
 * @param <O> the result
 */
public record SagaType<I, O>(
    String name, Class<I> input, Class<O> output, Duration timeout, Saga<I, O> code) {
  /** The most characters of a name. */
  public static final int NAME_LENGTH_MAX = 100;

  /** Checks the limits. */
  public SagaType {
    requireNonNull(input, "input");
    requireNonNull(output, "output");
    requireNonNull(code, "code");
    if (name.isEmpty() || name.length() > NAME_LENGTH_MAX) {
      throw new IllegalArgumentException(
          "name: " + name.length() + " characters (expected: 1.." + NAME_LENGTH_MAX + ")");
    }
    if (timeout.isNegative() || timeout.isZero() || timeout.compareTo(Xid.TIMEOUT_MAX) > 0) {
      throw new IllegalArgumentException(
          "timeout: " + timeout + " (expected: > 0, at most " + Xid.TIMEOUT_MAX + ")");
    }
  }
}
