package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs of {@code ./tenon} as processes, and what they leave behind. */
final class TenonRuns {
  static final Duration PATIENCE = Duration.ofMinutes(10);

  private static final Path ROOT =
      Path.of(System.getProperty("tenon.home")).toAbsolutePath().normalize();

  private final Path directory;
  private final List<Run> started = new ArrayList<>();

  /** Writes below a directory. */
  TenonRuns(Path directory) {
    this.directory = directory;
  }

  /** A run of {@code ./tenon}. */
  record Run(Process process, Path out, Path err) {
    String said() throws IOException {
      return Files.readString(out);
    }

    String told() throws IOException {
      return Files.readString(err);
    }

    void awaitTold(String text) {
      awaitIn(err, text);
    }

    void awaitSaid(String text) {
      awaitIn(out, text);
    }

    private void awaitIn(Path file, String text) {
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                assertThat(process.isAlive()).as(told()).isTrue();
                return Files.readString(file).contains(text);
              });
    }

    int status() throws InterruptedException {
      assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      return process.exitValue();
    }

    void signal(String name) throws IOException, InterruptedException {
      String command = "kill -%s %d".formatted(name, process.pid());
      assertThat(new ProcessBuilder("sh", "-c", command).start().waitFor()).isZero();
    }
  }

  Run run(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("bash", ROOT.resolve("tenon").toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("TENON_BUILD", "never");
    builder.environment().put("TENON_DATA", data().toString());
    Path out = Files.createTempFile(directory, "out", "");
    Path err = Files.createTempFile(directory, "err", "");
    Process process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
    Run run = new Run(process, out, err);
    started.add(run);
    return run;
  }

  /** What a failed test left. */
  void endAll() {
    started.forEach(run -> run.process.destroy());
    await().atMost(PATIENCE).until(() -> processes().isEmpty());
  }

  Path data() {
    return directory.resolve("data");
  }

  /** At once when it has ended, except for watchdogs, which end by themselves. */
  void assertNothingIsLeft() {
    assertThat(processes("java")).isEmpty();
    assertThat(processes("postgres")).isEmpty();
    await().atMost(PATIENCE).until(() -> processes().isEmpty());
    assertThat(data().resolve("demo.json")).doesNotExist();
  }

  /** All that was started names the directory. */
  List<String> processes() {
    return ProcessHandle.allProcesses()
        .map(process -> process.info().commandLine().orElse(""))
        .filter(command -> command.contains(data().toString()))
        .toList();
  }

  List<String> processes(String program) {
    return processes().stream()
        .filter(command -> Path.of(command.split(" ", 2)[0]).endsWith(program))
        .toList();
  }
}
