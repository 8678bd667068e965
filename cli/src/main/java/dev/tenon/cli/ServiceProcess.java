package dev.tenon.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A service of the demo as a process of its own, that can be killed and started again. */
final class ServiceProcess {
  private static final Duration DEATH_MAX = Duration.ofSeconds(10);
  private static final int LOG_LINES_READ_MAX = 400;

  private final String name;
  private final UnpackedApp app;
  private final Path log;
  private final List<String> arguments;
  private final Map<String, String> environment;
  private @Nullable Process process;
  private boolean ending;

  ServiceProcess(
      String name,
      UnpackedApp app,
      Path log,
      List<String> arguments,
      Map<String, String> environment) {
    this.name = name;
    this.app = app;
    this.log = log;
    this.arguments = List.copyOf(arguments);
    this.environment = Map.copyOf(environment);
  }

  String name() {
    return name;
  }

  Path log() {
    return log;
  }

  /** Starts the process; its log is continued. Not once it was told to end. */
  synchronized void start() {
    if (ending) {
      throw new CliException("The demo was ended.");
    }
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-Xmx192m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-cp",
            app.classPathText(),
            app.mainClass()));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new CliException(
          "Could not start a service [service=%s]: %s.".formatted(name, e.getMessage()), e);
    }
  }

  synchronized long pid() {
    return current().pid();
  }

  synchronized Instant started() {
    return current().info().startInstant().orElse(Instant.EPOCH);
  }

  synchronized boolean alive() {
    return process != null && process.isAlive();
  }

  /** {@code kill -9}: returns when the process is gone. */
  synchronized void kill() throws InterruptedException {
    if (!current().destroyForcibly().waitFor(DEATH_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new CliException(
          "Could not kill a service [service=%s, pid=%d]: it is still there after %s."
              .formatted(name, pid(), DEATH_MAX));
    }
  }

  /** Asks the process to end, for good. */
  synchronized void terminate() {
    ending = true;
    if (process != null) {
      process.destroy();
    }
  }

  /** Waits a little for the end; says whether it came. */
  synchronized boolean awaitEnd(Duration max) throws InterruptedException {
    return process == null || process.waitFor(max.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** {@code kill -STOP}: the process stands still, with all it holds. */
  void pause() throws InterruptedException {
    signal("STOP");
  }

  /** {@code kill -CONT}: the process goes on. */
  void resume() throws InterruptedException {
    signal("CONT");
  }

  private synchronized void signal(String name) throws InterruptedException {
    String command = "kill -%s %d".formatted(name, pid());
    try {
      int status = new ProcessBuilder("sh", "-c", command).start().waitFor();
      if (status == 0) {
        return;
      }
      throw new CliException(
          "Could not signal a service [service=%s, command=%s]: status %d. Read %s."
              .formatted(this.name, command, status, log));
    } catch (IOException e) {
      throw new CliException(
          "Could not signal a service [service=%s, command=%s]: %s."
              .formatted(this.name, command, e.getMessage()),
          e);
    }
  }

  /** The sentence about a service that ended by itself, with what its log says about it. */
  CliException ended() {
    return new CliException(
        "Could not start a service [service=%s]: %s. Read %s.".formatted(name, reason(), log));
  }

  private Process current() {
    if (process == null) {
      throw new IllegalStateException(name + " was never started");
    }
    return process;
  }

  private String reason() {
    List<String> lines;
    try {
      lines = Files.readAllLines(log);
    } catch (IOException e) {
      return "it ended, and its log cannot be read (" + e.getMessage() + ")";
    }
    List<String> last = lines.subList(Math.max(0, lines.size() - LOG_LINES_READ_MAX), lines.size());
    return reason(last);
  }

  /** What Spring Boot's failure analysis says, or else the innermost cause. */
  static String reason(List<String> log) {
    int description = log.lastIndexOf("Description:");
    if (description >= 0) {
      for (String line : log.subList(description + 1, log.size())) {
        if (!line.isBlank()) {
          return line.strip().replaceFirst("\\.$", "");
        }
      }
    }
    for (String line : log.reversed()) {
      if (line.startsWith("Caused by: ")) {
        return line.substring("Caused by: ".length()).strip().replaceFirst("\\.$", "");
      }
    }
    return "it ended by itself";
  }
}
