package dev.tenon.testing.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WatchdogIT {

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "KILL"})
  void endsTheServerWithTheProcessThatStartedIt(String signal) throws Exception {
    Process starter = starter("temporary");
    Started started = Started.readFrom(starter);
    assertThat(Postmaster.alive(started.pid)).isTrue();

    Commands.signal(signal, List.of(starter.pid()));
    starter.waitFor();

    await()
        .atMost(Duration.ofSeconds(10))
        .until(() -> !Postmaster.alive(started.pid) && !Files.exists(started.data));
  }

  @Test
  void sparesAServerThatOutlivesItsStarter() throws Exception {
    Process starter = starter("outliving");
    Started started = Started.readFrom(starter);
    Commands.signal("TERM", List.of(starter.pid()));
    starter.waitFor();

    PostgresServer attached = PostgresServer.attachOrStart(directory);
    try {
      assertThat(attached.postmasterPid()).isEqualTo(started.pid);
    } finally {
      attached.stop();
    }
  }

  private Process starter(String lifetime) throws IOException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    return new ProcessBuilder(
            java,
            "-Xshare:auto",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            Starter.class.getName(),
            lifetime,
            directory.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private record Started(long pid, Path data) {

    static Started readFrom(Process starter) throws IOException {
      try (BufferedReader lines = starter.inputReader()) {
        return new Started(Long.parseLong(lines.readLine()), Path.of(lines.readLine()));
      }
    }
  }

  /** A process that starts a server and then waits for its own end. */
  static final class Starter {

    private Starter() {}

    /** Prints the server's process and data directory. */
    public static void main(String[] arguments) throws InterruptedException {
      PostgresServer server =
          arguments[0].equals("outliving")
              ? PostgresServer.attachOrStart(Path.of(arguments[1]))
              : PostgresServer.start();
      System.out.println(server.postmasterPid());
      System.out.println(server.dataDirectory());
      Thread.currentThread().join();
    }
  }
}
