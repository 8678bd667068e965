package dev.tenon.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class InvocationBenchmarkIT {
  @Test
  void everyPeerAnswersEveryCall() {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream before = System.out;
    int status;
    try {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      status =
          new CommandLine(new InvocationBenchmark())
              .execute("--rounds=1", "--seconds=0.2", "--warm-up=10", "--callers=2");
    } finally {
      System.setOut(before);
    }

    assertThat(status).isZero();
    assertThat(printed.toString(StandardCharsets.UTF_8).lines())
        .anyMatch(line -> line.startsWith("2 callers"))
        .anyMatch(line -> line.startsWith("  rest  tenon"))
        .anyMatch(line -> line.startsWith("  rest  armeria"))
        .anyMatch(line -> line.startsWith("  rest  spring"))
        .anyMatch(line -> line.startsWith("  grpc  tenon"))
        .anyMatch(line -> line.startsWith("  grpc  armeria"))
        .anyMatch(line -> line.startsWith("  grpc  grpc-java"))
        .anyMatch(line -> line.startsWith("  grpc  spring"));
  }
}
