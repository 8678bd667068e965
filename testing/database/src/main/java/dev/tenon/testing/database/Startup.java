package dev.tenon.testing.database;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * One start of a server, from a directory to a server that takes connections.
 *
 * @param dataDirectory null for temporary data
 * @param port 0 for a free one
 */
record Startup(
    Lifetime lifetime,
    @Nullable Path dataDirectory,
    int port,
    Map<String, String> settings,
    boolean durable,
    Duration timeout) {

  /** Another process may take a free port before the server does. */
  private static final int PORT_TRIES_MAX = 5;

  PostgresServer start() {
    PostgresBinaries binaries = PostgresBinaries.unpacked();
    Path directory = dataDirectory;
    Cluster cluster = null;
    Watchdog watchdog = null;
    try {
      directory =
          directory == null
              ? Files.createTempDirectory("tenon-postgres-")
              : directory.toAbsolutePath().normalize();
      cluster = Cluster.at(directory);
      if (lifetime != Lifetime.OUTLIVING) {
        watchdog = Watchdog.over(cluster, lifetime == Lifetime.TEMPORARY);
      }
      int listening = listen(cluster, binaries);
      Lifecycle lifecycle =
          new Lifecycle(cluster, binaries, lifetime, timeout, listening, watchdog);
      return new PostgresServer(lifecycle, binaries.version());
    } catch (StartFailure e) {
      throw failure(directory, e.reason(), e, cleanUp(cluster, watchdog));
    } catch (IOException e) {
      Reason reason = Reason.of(e, "Name another data directory");
      throw failure(directory, reason, e, cleanUp(cluster, watchdog));
    } catch (UncheckedIOException e) {
      Reason reason = Reason.of(String.valueOf(e.getMessage()), "Name another data directory");
      throw failure(directory, reason, e, cleanUp(cluster, watchdog));
    } catch (RuntimeException e) {
      IOException left = cleanUp(cluster, watchdog);
      if (left != null) {
        e.addSuppressed(left);
      }
      throw e;
    }
  }

  /** Brings the server up, or finds it up, and returns its port. */
  private int listen(Cluster cluster, PostgresBinaries binaries) throws IOException, StartFailure {
    try (DirectoryLock lock = DirectoryLock.acquire(cluster.lock(), timeout)) {
      Optional<Postmaster> running = cluster.settledPostmaster(timeout);
      if (running.isPresent() && lifetime == Lifetime.OUTLIVING) {
        return running.get().port();
      }
      if (running.isPresent()) {
        throw new StartFailure(
            new Reason(
                "a server [pid=" + running.get().pid() + "] runs on this data directory already",
                "Stop it, or attach to it by PostgresServer.attachOrStart"));
      }
      cluster.initialise(binaries, durable);
      return port == 0 ? launchOnFreePort(cluster, binaries) : launch(cluster, binaries, port);
    }
  }

  private int launchOnFreePort(Cluster cluster, PostgresBinaries binaries)
      throws IOException, StartFailure {
    RandomGenerator random = RandomGenerator.getDefault();
    for (int tries = 1; ; tries++) {
      try {
        return launch(cluster, binaries, Ports.free(random));
      } catch (StartFailure e) {
        if (!e.reason().portInUse() || tries == PORT_TRIES_MAX) {
          throw e;
        }
      }
    }
  }

  private int launch(Cluster cluster, PostgresBinaries binaries, int chosen)
      throws IOException, StartFailure {
    Map<String, String> all = new LinkedHashMap<>(settings);
    all.put("port", Integer.toString(chosen));
    cluster.configure(all);
    boolean logStays = lifetime != Lifetime.TEMPORARY;
    String advice = logStays ? "Read " + cluster.log() : "Name a dataDirectory to keep the log";
    cluster.launch(binaries, timeout, advice);
    return chosen;
  }

  /** Leaves nothing behind that this start made; what cannot be removed is returned. */
  private @Nullable IOException cleanUp(@Nullable Cluster cluster, @Nullable Watchdog watchdog) {
    try {
      if (cluster != null && lifetime == Lifetime.TEMPORARY) {
        Directories.delete(cluster.root());
      }
      return null;
    } catch (IOException e) {
      return e;
    } finally {
      if (watchdog != null) {
        watchdog.close();
      }
    }
  }

  private PostgresServerException failure(
      @Nullable Path directory, Reason reason, Exception cause, @Nullable IOException left) {
    String data = directory == null ? System.getProperty("java.io.tmpdir") : directory.toString();
    String at = port == 0 ? "any" : Integer.toString(port);
    if (left != null) {
      cause.addSuppressed(left);
    }
    return new PostgresServerException(
        "Could not start PostgreSQL [data=" + data + ", port=" + at + "]: " + reason, cause);
  }
}
