package dev.tenon.cli;

import java.io.PrintStream;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Tells a person what is going on, on stderr, so that stdout is for results. On a terminal the
 * current state is one line that rewrites itself; elsewhere it is printed now and then.
 * Thread-safe.
 */
final class Progress {
  private static final long QUIET_NANOS = Duration.ofSeconds(2).toNanos();

  private final PrintStream out;
  private final boolean rewrites;
  private boolean open;
  private long lastState = System.nanoTime() - QUIET_NANOS;
  private @Nullable String shown;

  Progress(PrintStream out, boolean rewrites) {
    this.out = out;
    this.rewrites = rewrites;
  }

  /** On the terminal this process has, if it has one. */
  static Progress onStderr() {
    boolean terminal = Boolean.getBoolean("tenon.terminal");
    return new Progress(System.err, terminal);
  }

  /** Something happened: it stays on the screen. */
  synchronized void event(String text) {
    end();
    out.println(text);
    out.flush();
  }

  /** How things are now: the next state takes its place. */
  synchronized void state(String text) {
    if (text.equals(shown)) {
      return;
    }
    if (rewrites) {
      out.print("\r\u001b[K" + text);
      open = true;
    } else if (System.nanoTime() - lastState < QUIET_NANOS) {
      return;
    } else {
      out.println(text);
      lastState = System.nanoTime();
    }
    shown = text;
    out.flush();
  }

  /** Leaves the last state's line. */
  synchronized void end() {
    if (open) {
      out.print("\r\u001b[K");
      open = false;
    }
    shown = null;
  }
}
