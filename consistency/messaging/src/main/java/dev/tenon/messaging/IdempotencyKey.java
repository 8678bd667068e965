package dev.tenon.messaging;

import static java.util.Objects.requireNonNull;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * The name that a caller gives to one of its calls, so that repeating the call does not repeat its
 * effects.
 *
 * @param caller who calls: a service, or a principal; keys of two callers never meet; 1 to {@value
 *     #NAME_LENGTH_MAX} characters
 * @param operation what is called; keys of two operations never meet; 1 to {@value
 *     #NAME_LENGTH_MAX} characters
 * @param key the caller's key; 1 to {@value #KEY_LENGTH_MAX} printable ASCII characters
 * @param createdAt when the caller made the key; it decides whether the key is too old once nothing
 *     is stored under it. A key whose age is not known is new then
 */
public record IdempotencyKey(
    String caller, String operation, String key, Optional<Instant> createdAt) {
  /** The most characters of a caller's or an operation's name. */
  public static final int NAME_LENGTH_MAX = 200;

  /** The most characters of a key. */
  public static final int KEY_LENGTH_MAX = 255;

  private static final Pattern KEY = Pattern.compile("[\\x20-\\x7e]{1," + KEY_LENGTH_MAX + "}");
  private static final Pattern ESCAPED = Pattern.compile("\\\\(.)");
  private static final Pattern QUOTED =
      Pattern.compile("\"(?:[\\x20-\\x7e&&[^\"\\\\]]|\\\\[\"\\\\]){1," + KEY_LENGTH_MAX + "}\"");
  private static final Pattern BARE =
      Pattern.compile("[\\x21-\\x7e&&[^\",]]{1," + KEY_LENGTH_MAX + "}");
  private static final Pattern UUID_7 =
      Pattern.compile("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-.{12}");
  private static final int UUID_RANDOM_BITS = 16;

  /** Checks the limits. */
  public IdempotencyKey {
    requireName("caller", caller);
    requireName("operation", operation);
    requireNonNull(createdAt, "createdAt");
    if (!KEY.matcher(key).matches()) {
      throw new IllegalArgumentException(
          "key: "
              + key.length()
              + " characters (expected: 1.."
              + KEY_LENGTH_MAX
              + " printable ASCII characters)");
    }
  }

  /**
   * Names a call. If the key is a UUID of version 7, its time is the key's.
   *
   * @param caller who calls
   * @param operation what is called
   * @param key the caller's key
   * @return the key
   * @throws IllegalArgumentException if a limit is passed
   */
  public static IdempotencyKey of(String caller, String operation, String key) {
    return new IdempotencyKey(caller, operation, key, timeIn(key));
  }

  /**
   * Names a call as a server receives it. A name of caller or operation that is too long is told
   * from others by its digest.
   *
   * @param caller who calls
   * @param operation what is called
   * @param field the value of the header {@code Idempotency-Key}
   * @return the key
   * @throws IllegalArgumentException if the header holds no key
   */
  public static IdempotencyKey received(String caller, String operation, String field) {
    return of(shortened(caller), shortened(operation), inField(field));
  }

  private static String shortened(String name) {
    return name.length() <= NAME_LENGTH_MAX
        ? name
        : Fingerprint.ofBytes(name, new byte[0]).sha256();
  }

  /**
   * Reads a key as the header {@code Idempotency-Key} carries it: a string of structured fields
   * (RFC 9651) in quotes, or the bare key without quotes, commas and spaces.
   *
   * @param field the header's value
   * @return the key itself
   * @throws IllegalArgumentException if it is neither
   */
  public static String inField(String field) {
    String text = field.strip();
    boolean quoted = text.startsWith("\"");
    if (quoted ? !QUOTED.matcher(text).matches() : !BARE.matcher(text).matches()) {
      throw new IllegalArgumentException(
          "Idempotency-Key: "
              + text.length()
              + " characters (expected: one string in quotes, or a bare one, of 1.."
              + KEY_LENGTH_MAX
              + " printable ASCII characters)");
    }
    return quoted ? ESCAPED.matcher(text.substring(1, text.length() - 1)).replaceAll("$1") : text;
  }

  /**
   * The same key with a known age.
   *
   * @param time when the caller made the key
   * @return a changed copy
   */
  public IdempotencyKey createdAt(Instant time) {
    return new IdempotencyKey(caller, operation, key, Optional.of(time));
  }

  /**
   * The same key with the age that its caller tells.
   *
   * @param field the value of the header {@code Tenon-Key-Time}: ISO 8601, in UTC
   * @return a changed copy
   * @throws IllegalArgumentException if it is no time
   */
  public IdempotencyKey createdAtField(String field) {
    try {
      return createdAt(Instant.parse(field));
    } catch (DateTimeException e) {
      throw new IllegalArgumentException(
          "Tenon-Key-Time: unreadable (expected: such as 2026-01-31T12:00:00Z)", e);
    }
  }

  private static Optional<Instant> timeIn(String key) {
    if (!UUID_7.matcher(key).matches()) {
      return Optional.empty();
    }
    try {
      long high = UUID.fromString(key).getMostSignificantBits();
      return Optional.of(Instant.ofEpochMilli(high >>> UUID_RANDOM_BITS));
    } catch (IllegalArgumentException | DateTimeException e) {
      return Optional.empty(); // looked like one, and is none
    }
  }

  private static void requireName(String name, String value) {
    if (value.isEmpty() || value.length() > NAME_LENGTH_MAX || value.indexOf('\0') >= 0) {
      throw new IllegalArgumentException(
          name
              + ": "
              + value.length()
              + " characters (expected: 1.."
              + NAME_LENGTH_MAX
              + ", none of them zero)");
    }
  }

  @Override
  public String toString() {
    return "[caller=" + caller + ", operation=" + operation + ", key=" + key + "]";
  }
}
