package dev.tenon.testing.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PostgresBinariesIT {

  @TempDir Path cache;

  @Test
  void unpacksOnceWhenSeveralProcessesNeedIt() throws Exception {
    Files.createDirectories(cache.resolve("left-by-a-crash.part"));
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      processes.add(unpacker());
    }
    List<String> homes = new ArrayList<>();
    for (Process process : processes) {
      homes.add(
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip());
      assertThat(process.waitFor()).isZero();
    }

    assertThat(homes).hasSize(3).containsOnly(homes.getFirst());
    try (Stream<Path> found = Files.list(cache)) {
      assertThat(found.filter(path -> Files.exists(path.resolve("bin/postgres")))).hasSize(1);
    }
  }

  private Process unpacker() throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Dtenon.postgres.cache=" + cache,
            "-cp",
            System.getProperty("java.class.path"),
            Unpacker.class.getName())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** A process that needs the binaries. */
  static final class Unpacker {

    private Unpacker() {}

    /** Prints where they are. */
    public static void main(String[] arguments) {
      System.out.println(PostgresBinaries.unpacked().home());
    }
  }
}
