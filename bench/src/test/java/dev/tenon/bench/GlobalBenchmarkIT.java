package dev.tenon.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class GlobalBenchmarkIT {
  @Test
  void transfersAreMadeOnceByPeersInProcessesOfTheirOwn() {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream before = System.out;
    int status;
    try {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      status =
          GlobalBenchmark.commandLine()
              .execute(
                  "--rounds=1",
                  "--seconds=0.2",
                  "--warm-up=0.1",
                  "--clients=2",
                  "--hot=2",
                  "--only=plain commits;narayana xa;tenon at;tenon tcc;tenon xa");
    } finally {
      System.setOut(before);
    }

    assertThat(status).isZero();
    assertThat(printed.toString(StandardCharsets.UTF_8).lines())
        .anyMatch(line -> line.startsWith("| plain commits |"))
        .anyMatch(line -> line.startsWith("| narayana xa |"))
        .anyMatch(line -> line.startsWith("| tenon at |"))
        .anyMatch(line -> line.startsWith("| tenon tcc |"))
        .anyMatch(line -> line.startsWith("| tenon xa / narayana xa |"));
  }
}
