package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The name of a distributed transaction. It says whom to ask about it, and until when it may be
 * committed. Times are in whole milliseconds.
 *
 * @param starter the service that started it, and that alone decides it
 * @param incarnation which history of the starter's database it was started in
 * @param startedAt when it was started, by the clock of the starter
 * @param deadline after this moment of the clock of the starter's database it cannot be committed
 * @param id random
 */
public record Xid(
    String starter, String incarnation, Instant startedAt, Instant deadline, UUID id) {
  /** The longest time from start to deadline. */
  public static final Duration TIMEOUT_MAX = Duration.ofDays(400);

  private static final Pattern TEXT =
      Pattern.compile(
          "([a-z][a-z0-9-]{0,62})~([0-9a-f]{1,40})~(\\d{1,15})~(\\d{1,15})~([0-9a-f-]{36})");
  private static final Pattern SERVICE = Pattern.compile("[a-z][a-z0-9-]{0,62}");
  private static final Pattern INCARNATION = Pattern.compile("[0-9a-f]{1,40}");

  /** Checks the parts. */
  public Xid {
    requireNonNull(id, "id");
    if (!SERVICE.matcher(starter).matches()) {
      throw new IllegalArgumentException("starter: " + starter + " (expected: a service's name)");
    }
    if (!INCARNATION.matcher(incarnation).matches()) {
      throw new IllegalArgumentException(
          "incarnation: " + incarnation + " (expected: 1..40 hexadecimal digits)");
    }
    startedAt = Instant.ofEpochMilli(startedAt.toEpochMilli());
    deadline = Instant.ofEpochMilli(deadline.toEpochMilli());
    if (!deadline.isAfter(startedAt)
        || Duration.between(startedAt, deadline).compareTo(TIMEOUT_MAX) > 0) {
      throw new IllegalArgumentException(
          "deadline: "
              + deadline
              + " (expected: after the start at "
              + startedAt
              + ", by at most "
              + TIMEOUT_MAX
              + ")");
    }
  }

  /**
   * The text that travels with calls.
   *
   * @return visible ASCII characters without blanks, commas, colons and full stops
   */
  public String text() {
    return String.join(
        "~",
        starter,
        incarnation,
        Long.toString(startedAt.toEpochMilli()),
        Long.toString(deadline.toEpochMilli()),
        id.toString());
  }

  /**
   * Reads a text.
   *
   * @param text what {@link #text()} gave
   * @return the xid
   * @throws IllegalArgumentException if it is none
   */
  public static Xid parse(String text) {
    Matcher parts = TEXT.matcher(text);
    if (!parts.matches()) {
      throw new IllegalArgumentException(
          "xid: "
              + text.length()
              + " characters (expected: starter~incarnation~start~deadline~id)");
    }
    return new Xid(
        parts.group(1),
        parts.group(2),
        Instant.ofEpochMilli(Long.parseLong(parts.group(3))),
        Instant.ofEpochMilli(Long.parseLong(parts.group(4))),
        UUID.fromString(parts.group(5)));
  }

  @Override
  public String toString() {
    return text();
  }
}
