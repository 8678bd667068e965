package dev.tenon.testing.database;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs PostgreSQL's programs and a few of the system's. */
final class Commands {

  private Commands() {}

  /** What a finished command said (both its streams) and its exit status. */
  record Result(int status, String output) {

    boolean failed() {
      return status != 0;
    }
  }

  /**
   * The command as it must be run on behalf of PostgreSQL, whose programs refuse to run as root:
   * root steps into a user namespace, where its files are still its own but it is nobody special.
   */
  static List<String> unprivileged(List<String> command) {
    if (!isRoot()) {
      return command;
    }
    List<String> wrapped = new ArrayList<>(List.of("unshare", "-U"));
    wrapped.addAll(command);
    return wrapped;
  }

  /**
   * Runs a command to its end.
   *
   * @throws IOException if it cannot be started, or did not end in time (it is then killed)
   */
  static Result run(List<String> command, Duration timeout) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().keySet().removeIf(name -> name.startsWith("PG"));
    builder.environment().put("LC_ALL", "C");
    Process process = builder.start();
    process.getOutputStream().close();
    CompletableFuture<String> output = new CompletableFuture<>();
    Thread.ofVirtual().start(() -> read(process.getInputStream(), output));
    try {
      if (!process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        throw new IOException(program(command) + " did not end within " + timeout);
      }
      return new Result(process.exitValue(), output.join().strip());
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while " + program(command) + " was running", e);
    }
  }

  /** Sends a signal to processes; those that are gone already are passed over. */
  static void signal(String signal, List<Long> pids) {
    List<String> command =
        new ArrayList<>(List.of("sh", "-c", "kill -s \"$0\" \"$@\" 2>/dev/null; :", signal));
    pids.forEach(pid -> command.add(Long.toString(pid)));
    try {
      run(command, Duration.ofSeconds(10));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isRoot() {
    try {
      Path self = Path.of("/proc/self");
      if (Files.exists(self)) {
        return Integer.valueOf(0).equals(Files.getAttribute(self, "unix:uid"));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return "root".equals(System.getProperty("user.name"));
  }

  private static void read(InputStream stream, CompletableFuture<String> output) {
    try (stream) {
      output.complete(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      output.completeExceptionally(e);
    }
  }

  private static String program(List<String> command) {
    return String.valueOf(Path.of(command.getFirst()).getFileName());
  }
}
