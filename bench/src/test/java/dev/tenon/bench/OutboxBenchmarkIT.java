package dev.tenon.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.database.PostgresServer;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class OutboxBenchmarkIT {
  private static final Plan BRIEF =
      new Plan(
          1,
          Duration.ofSeconds(1),
          Duration.ofMillis(200),
          List.of(2),
          50,
          Duration.ofMillis(500),
          500);

  @Test
  void everyContenderBringsEveryMessageToItsEffect() {
    PrintStream silent =
        new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
    List<Contender> contenders = Contenders.all();

    try (PostgresServer server = Contenders.server()) {
      Results results = new Benchmark(server, contenders, BRIEF, silent).run();

      assertThat(results.rounds().keySet())
          .contains(new Results.Case(2, "gruelbox"), new Results.Case(0, "namastack"))
          .hasSize(5);
      assertThat(results.rounds().values())
          .allSatisfy(
              rounds ->
                  assertThat(rounds)
                      .singleElement()
                      .satisfies(measured -> assertThat(measured.perSecond()).isPositive()));
      assertThat(new Report(BRIEF, contenders, results, server.version()).table())
          .contains("2 producers", "Low load");
      assertThat(JsonReport.of(BRIEF, contenders, results, server.version()))
          .startsWith("{\"postgresql\":\"18")
          .contains("\"contender\":\"namastack\"");
    }
  }
}
