package dev.tenon.global;

/**
 * Who changes the course of a distributed transaction by hand, and why; it is recorded with what
 * was done.
 *
 * @param who a person's name
 * @param why the reason, in words
 */
public record Operator(String who, String why) {
  /** The most characters of a name. */
  public static final int WHO_LENGTH_MAX = 200;

  /** The most characters of a reason. */
  public static final int WHY_LENGTH_MAX = 2000;

  /** Checks that both are said. */
  public Operator {
    require("who", who, WHO_LENGTH_MAX);
    require("why", why, WHY_LENGTH_MAX);
  }

  private static void require(String name, String value, int lengthMax) {
    if (value.isBlank() || value.length() > lengthMax) {
      throw new IllegalArgumentException(
          name + ": " + value.length() + " characters (expected: 1.." + lengthMax + ", not blank)");
    }
  }
}
