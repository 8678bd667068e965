package dev.tenon.messaging.spi;

import static java.util.Objects.requireNonNull;

import java.util.Optional;
import java.util.UUID;

/**
 * A position in a publisher's log: everything up to and including it has been read.
 *
 * @param window the number of the window, from 0 (the empty window before the first)
 * @param windowId the window's random id: a publisher that does not know it has lost its tail
 * @param seq the last row read within the window, or {@link #WINDOW_END}
 * @param snapshot while a snapshot is being read: the topic and key after which it goes on; the log
 *     goes on after the rest of this cursor
 */
public record Cursor(long window, UUID windowId, long seq, Optional<String> snapshot) {

  /** Stands for the whole window having been read. */
  public static final long WINDOW_END = Long.MAX_VALUE;

  /** Checks that nothing is missing. */
  public Cursor {
    requireNonNull(windowId, "windowId");
    requireNonNull(snapshot, "snapshot");
  }

  /**
   * The end of a window.
   *
   * @param window the window's number
   * @param windowId its id
   * @return the position after its last row
   */
  public static Cursor endOf(long window, UUID windowId) {
    return new Cursor(window, windowId, WINDOW_END, Optional.empty());
  }

  /**
   * Whether the whole of a window of the same log has been read.
   *
   * @param number the window's number
   * @return true if no row of it comes after this position
   */
  public boolean isPast(long number) {
    return number < window || (number == window && seq == WINDOW_END);
  }
}
