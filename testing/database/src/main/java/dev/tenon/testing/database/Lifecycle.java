package dev.tenon.testing.database;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Kills, stops, restarts and closes a server that was started. Thread-safe: one operation at a
 * time.
 */
final class Lifecycle {

  private static final Duration KILL_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(60);

  /** How long a restart waits for its own port, which another process may hold for a moment. */
  private static final Duration PORT_TIMEOUT = Duration.ofSeconds(10);

  private final ReentrantLock lock = new ReentrantLock();
  private final Cluster cluster;
  private final PostgresBinaries binaries;
  private final Lifetime lifetime;
  private final Duration startTimeout;
  private final int port;
  private final @Nullable Watchdog watchdog;
  private boolean closed;

  Lifecycle(
      Cluster cluster,
      PostgresBinaries binaries,
      Lifetime lifetime,
      Duration startTimeout,
      int port,
      @Nullable Watchdog watchdog) {
    this.cluster = cluster;
    this.binaries = binaries;
    this.lifetime = lifetime;
    this.startTimeout = startTimeout;
    this.port = port;
    this.watchdog = watchdog;
  }

  Cluster cluster() {
    return cluster;
  }

  int port() {
    return port;
  }

  Postmaster postmaster() {
    return cluster
        .postmaster()
        .orElseThrow(
            () -> failure("find", new Reason("it does not run", "Call restart() first"), null));
  }

  void kill() {
    exclusively(
        "kill",
        () -> {
          Optional<Postmaster> running = cluster.postmaster();
          if (running.isPresent() && !running.get().killAll(KILL_TIMEOUT)) {
            throw new StartFailure(
                new Reason("it was still there after " + KILL_TIMEOUT, "End it by hand"));
          }
        });
  }

  void stop() {
    exclusively("stop", () -> end("INT"));
  }

  void restart() {
    exclusively(
        "restart",
        () -> {
          if (closed) {
            throw new StartFailure(new Reason("it was closed", "Start another one"));
          }
          try (DirectoryLock starting = DirectoryLock.acquire(cluster.lock(), startTimeout)) {
            end("INT");
            Deadline portDeadline = Deadline.in(PORT_TIMEOUT);
            while (!launched(portDeadline)) {
              Deadline.pause();
            }
          }
        });
  }

  void close() {
    if (lifetime == Lifetime.OUTLIVING) {
      return;
    }
    exclusively(
        "close",
        () -> {
          closed = true;
          end(lifetime == Lifetime.TEMPORARY ? "QUIT" : "INT");
          if (lifetime == Lifetime.TEMPORARY) {
            Directories.delete(cluster.root());
          }
          if (watchdog != null) {
            watchdog.close();
          }
        });
  }

  private void end(String signal) throws StartFailure {
    Optional<Postmaster> running = cluster.postmaster();
    if (running.isEmpty()) {
      return;
    }
    running.get().signal(signal);
    if (!Deadline.in(STOP_TIMEOUT).await(() -> !running.get().alive())) {
      throw new StartFailure(
          new Reason(
              "it was still ending after " + STOP_TIMEOUT,
              "Wait for it, kill() it, or read " + cluster.log()));
    }
  }

  private boolean launched(Deadline portDeadline) throws IOException, StartFailure {
    try {
      cluster.launch(binaries, startTimeout, "Read " + cluster.log());
      return true;
    } catch (StartFailure e) {
      if (e.reason().portInUse() && !portDeadline.passed()) {
        return false;
      }
      throw e;
    }
  }

  private void exclusively(String verb, Step step) {
    lock.lock();
    try {
      step.run();
    } catch (StartFailure e) {
      throw failure(verb, e.reason(), e);
    } catch (IOException e) {
      throw failure(verb, Reason.of(e, "Try again"), e);
    } catch (UncheckedIOException e) {
      throw failure(verb, Reason.of(String.valueOf(e.getMessage()), "Try again"), e);
    } finally {
      lock.unlock();
    }
  }

  private PostgresServerException failure(String verb, Reason reason, @Nullable Throwable cause) {
    return new PostgresServerException(
        "Could not %s PostgreSQL [data=%s, port=%d]: %s"
            .formatted(verb, cluster.root(), port, reason),
        cause);
  }

  /** A step of the server's life. */
  private interface Step {
    void run() throws IOException, StartFailure;
  }
}
