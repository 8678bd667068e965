package dev.tenon.messaging;

import java.util.Arrays;

/**
 * Which transactions a moment of the database could see: PostgreSQL's {@code pg_snapshot}. All
 * below {@code xmin} had ended, none from {@code xmax} on had begun, and those listed were in
 * progress. Transaction ids here are 64 bits wide and do not wrap.
 */
record Snapshot(long xmin, long xmax, long[] inProgress) {

  /** Sees nothing: stands before the first window of an epoch. */
  static final Snapshot NOTHING = new Snapshot(1, 1, new long[0]);

  /** Reads {@code xmin:xmax:xip,xip,…}. */
  static Snapshot parse(String text) {
    String[] parts = text.split(":", -1);
    if (parts.length != 3) {
      throw new IllegalArgumentException("snapshot: " + text + " (expected: xmin:xmax:xip,…)");
    }
    long[] listed =
        parts[2].isEmpty()
            ? new long[0]
            : Arrays.stream(parts[2].split(",")).mapToLong(Long::parseUnsignedLong).toArray();
    Arrays.sort(listed);
    return new Snapshot(Long.parseUnsignedLong(parts[0]), Long.parseUnsignedLong(parts[1]), listed);
  }

  /** Whether the effects of a transaction were visible, provided that it committed. */
  boolean sees(long tx) {
    if (tx < xmin) {
      return true;
    }
    return tx < xmax && Arrays.binarySearch(inProgress, tx) < 0;
  }

  /** The transactions in progress, as a PostgreSQL array literal. */
  String inProgressLiteral() {
    StringBuilder literal = new StringBuilder("{");
    for (int i = 0; i < inProgress.length; i++) {
      literal.append(i == 0 ? "" : ",").append(inProgress[i]);
    }
    return literal.append('}').toString();
  }
}
