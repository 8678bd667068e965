package dev.tenon.testing.database;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The living main process of a server, as its pid file tells.
 *
 * @param pid the process
 * @param port the port it listens on; 0 while it has not said yet
 * @param ready whether it takes connections
 */
record Postmaster(long pid, int port, boolean ready) {

  private static final int PORT_LINE = 3;
  private static final int STATUS_LINE = 7;

  /**
   * Finds the living server of a data directory. A pid file left by a crash is not believed, also
   * if its number belongs to another process by now.
   */
  static Optional<Postmaster> find(Path pgdata) {
    Optional<Postmaster> named = named(pgdata);
    return named.filter(found -> alive(found.pid) && serves(found.pid, pgdata));
  }

  /**
   * Removes the pid file of a server that is surely dead although its number is still taken (by a
   * process nobody reaped, or by a stranger): PostgreSQL would refuse to start. Any other pid file
   * is left to PostgreSQL.
   */
  static void forgetDead(Path pgdata) throws IOException {
    Optional<Postmaster> named = named(pgdata);
    if (named.isPresent() && taken(named.get().pid)) {
      Files.deleteIfExists(pidFile(pgdata));
    }
  }

  private static boolean taken(long pid) {
    Optional<ProcessHandle> process = ProcessHandle.of(pid);
    boolean unreaped = process.isPresent() && !alive(pid);
    boolean stranger =
        process
            .flatMap(handle -> handle.info().command())
            .filter(command -> !Path.of(command).endsWith("postgres"))
            .isPresent();
    return unreaped || stranger;
  }

  boolean alive() {
    return alive(pid);
  }

  void signal(String signal) {
    Commands.signal(signal, List.of(pid));
  }

  /**
   * SIGKILL to the server and all its children at once. The server is frozen first, so that it
   * neither forks another child nor notices the death of one.
   *
   * @return false if a process was still there after the timeout
   */
  boolean killAll(Duration timeout) {
    signal("STOP");
    List<Long> pids = new ArrayList<>(List.of(pid));
    ProcessHandle.of(pid).stream()
        .flatMap(ProcessHandle::descendants)
        .map(ProcessHandle::pid)
        .forEach(pids::add);
    Commands.signal("KILL", pids);
    return Deadline.in(timeout).await(() -> pids.stream().noneMatch(Postmaster::alive));
  }

  private static Optional<Postmaster> named(Path pgdata) {
    try {
      List<String> lines = Files.readAllLines(pidFile(pgdata));
      if (lines.isEmpty() || lines.getFirst().isBlank()) {
        return Optional.empty();
      }
      long pid = Math.abs(Long.parseLong(lines.getFirst().strip()));
      int port = lines.size() > PORT_LINE ? Integer.parseInt(lines.get(PORT_LINE).strip()) : 0;
      boolean ready = lines.size() > STATUS_LINE && "ready".equals(lines.get(STATUS_LINE).strip());
      return Optional.of(new Postmaster(pid, port, ready));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path pidFile(Path pgdata) {
    return pgdata.resolve("postmaster.pid");
  }

  private static boolean serves(long pid, Path pgdata) {
    ProcessHandle.Info info = ProcessHandle.of(pid).map(ProcessHandle::info).orElse(null);
    if (info == null || info.command().isEmpty()) {
      return false;
    }
    boolean postgres = Path.of(info.command().get()).endsWith("postgres");
    String[] arguments = info.arguments().orElse(new String[] {pgdata.toString()});
    return postgres && Arrays.asList(arguments).contains(pgdata.toString());
  }

  /** A process that ended but was not reaped by its parent counts as dead. */
  static boolean alive(long pid) {
    if (ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isEmpty()) {
      return false;
    }
    Path stat = Path.of("/proc", Long.toString(pid), "stat");
    try {
      String line = Files.readString(stat);
      char state = line.charAt(line.lastIndexOf(')') + 2);
      return state != 'Z' && state != 'X';
    } catch (NoSuchFileException e) {
      return !Files.isDirectory(Path.of("/proc/self"));
    } catch (IOException e) {
      return ProcessHandle.of(pid).isPresent();
    }
  }
}
