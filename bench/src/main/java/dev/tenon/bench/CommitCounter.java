package dev.tenon.bench;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.LongAdder;

/**
 * Finds commits in what a PostgreSQL server sends over one connection: each time that it is idle
 * again after a command that was not rolled back. A transaction that was prepared counts as one,
 * and as another when it is committed. Not thread-safe.
 */
final class CommitCounter {
  private static final int HEADER = 5;
  private static final int LENGTH_AT = 1;
  private static final int LENGTH_BYTES = 4;
  private static final int KEPT = 20;
  private static final String UNDONE = "ROLLBACK";

  private final LongAdder commits;
  private final byte[] head = new byte[KEPT];
  private boolean started;
  private int heard;
  private int left;
  private boolean worked;
  private boolean undone;

  CommitCounter(LongAdder commits) {
    this.commits = commits;
  }

  /** Takes what came next. */
  void hear(byte[] bytes, int offset, int length) {
    int at = offset;
    int end = offset + length;
    while (at < end) {
      if (heard < HEADER) {
        at = header(bytes, at);
      } else {
        int taken = Math.min(left, end - at);
        int kept = Math.min(taken, KEPT - heard);
        if (kept > 0) {
          System.arraycopy(bytes, at, head, heard, kept);
          heard += kept;
        }
        left -= taken;
        at += taken;
      }
      if (heard >= HEADER && left == 0) {
        ended();
      }
    }
  }

  private int header(byte[] bytes, int at) {
    byte next = bytes[at];
    if (!started && next == 'N') {
      return at + 1; // the answer to the question for TLS
    }
    started = true;
    head[heard++] = next;
    if (heard == HEADER) {
      left = ByteBuffer.wrap(head).getInt(LENGTH_AT) - LENGTH_BYTES;
    }
    return at + 1;
  }

  private void ended() {
    switch (head[0]) {
      case 'C' -> {
        worked = true;
        undone =
            new String(head, HEADER, heard - HEADER, StandardCharsets.US_ASCII).startsWith(UNDONE);
      }
      case 'E' -> undone = true;
      case 'Z' -> {
        if (head[HEADER] == 'I') {
          if (worked && !undone) {
            commits.increment();
          }
          worked = false;
          undone = false;
        }
      }
      default -> {}
    }
    heard = 0;
  }
}
