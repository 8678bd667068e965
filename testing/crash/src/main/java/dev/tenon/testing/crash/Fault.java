package dev.tenon.testing.crash;

import java.util.Locale;

/** What can happen at a point. */
public enum Fault {
  /** All processes die before the commit or send: it never happens. */
  CRASH_BEFORE(true),
  /** All processes die after the commit or send: it happened, and nobody learnt it. */
  CRASH_AFTER(true),
  /**
   * The process that was to commit or send dies before it, and the others live on. Only where there
   * are several processes.
   */
  CRASH_ALONE_BEFORE(true),
  /**
   * The process that committed or sent dies after it, and the others live on. Only where there are
   * several processes.
   */
  CRASH_ALONE_AFTER(true),
  /** The connection breaks before the commit: nothing is durable, and the process lives on. */
  CONNECTION_LOST_BEFORE(true),
  /** The connection breaks after the commit: it is durable, and the process cannot know. */
  CONNECTION_LOST_AFTER(true),
  /** The send fails before it reaches the other side, and the sender is told so. */
  SEND_REFUSED(true),
  /** The send happens, but the sender is told that it failed. */
  ANSWER_LOST(true),
  /** The send happens twice. The sender gets the first answer. */
  DUPLICATE(false),
  /** The send happens after the next one, though the sender goes on at once. */
  REORDER(false),
  /** The send happens when everything else is done, though the sender goes on at once. */
  DELAY(false);

  private final boolean endsWork;

  Fault(boolean endsWork) {
    this.endsWork = endsWork;
  }

  /** Whether the work in progress may end with an exception because of it. */
  boolean endsWork() {
    return endsWork;
  }

  /** Whether everything dies. */
  boolean crash() {
    return this == CRASH_BEFORE || this == CRASH_AFTER;
  }

  /** Whether one process dies alone. */
  boolean alone() {
    return this == CRASH_ALONE_BEFORE || this == CRASH_ALONE_AFTER;
  }

  /** Whether what it strikes has happened nevertheless. */
  boolean after() {
    return this == CRASH_AFTER
        || this == CRASH_ALONE_AFTER
        || this == CONNECTION_LOST_AFTER
        || this == ANSWER_LOST;
  }

  /**
   * The fault as a person reads it.
   *
   * @return such as {@code crash-before}
   */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
