package dev.tenon.invocation;

import java.time.Duration;

/**
 * Times left as they stand in a header: at most eight digits and a unit, H, M, S, m, u or n (gRPC
 * over HTTP/2, "Timeout").
 */
public final class Timeouts {
  private static final int DIGITS_MAX = 8;
  private static final long AS_MICROS_MAX = 99_999;
  private static final long AS_MILLIS_MAX = 99_999_999;

  private Timeouts() {}

  /**
   * Reads a time left.
   *
   * @param name the header's name, for the error
   * @param value its value
   * @return the time
   * @throws IllegalArgumentException if it is not of that form
   */
  public static Duration parse(String name, String value) {
    int digits = value.length() - 1;
    if (digits < 1 || digits > DIGITS_MAX) {
      throw wrong(name);
    }
    long number = 0;
    for (int i = 0; i < digits; i++) {
      char c = value.charAt(i);
      if (c < '0' || c > '9') {
        throw wrong(name);
      }
      number = number * 10 + (c - '0');
    }
    return switch (value.charAt(digits)) {
      case 'H' -> Duration.ofHours(number);
      case 'M' -> Duration.ofMinutes(number);
      case 'S' -> Duration.ofSeconds(number);
      case 'm' -> Duration.ofMillis(number);
      case 'u' -> Duration.ofNanos(number * 1000);
      case 'n' -> Duration.ofNanos(number);
      default -> throw wrong(name);
    };
  }

  /**
   * Writes a time left, rounded down: to microseconds below 100 ms, from there to milliseconds, so
   * that many calls say the same and HTTP/2 sends it as a number; and to what eight digits hold.
   *
   * @param left the time; what is negative counts as zero
   * @return the header's value
   */
  public static String format(Duration left) {
    long micros = left.isNegative() ? 0 : left.toNanos() / 1000;
    if (micros <= AS_MICROS_MAX) {
      return micros + "u";
    }
    long millis = micros / 1000;
    return millis <= AS_MILLIS_MAX ? millis + "m" : millis / 1000 + "S";
  }

  private static IllegalArgumentException wrong(String name) {
    return new IllegalArgumentException(
        name + ": unreadable (expected: 1..8 digits and one of H M S m u n)");
  }
}
