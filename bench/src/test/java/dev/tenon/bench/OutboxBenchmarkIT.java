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
          1, Duration.ofSeconds(1), Duration.ofMillis(200), List.of(2), 50, Duration.ZERO, 500);

  @Test
  void keepsToTheLowRate() {
    Run.Load load = new Run.Load(1, 50, 500, Duration.ofMillis(100), Duration.ofMillis(500));

    try (PostgresServer server = Contenders.server()) {
      Measurement measured = new Run(server, new Tenon(Tenon.Delivery.BATCHED), load).measure();

      assertThat(measured.messages()).isBetween(2, 40);
      assertThat(measured.p50Millis()).isPositive();
      assertThat(measured.costs().commits()).isPositive();
      assertThat(measured.repeated()).isZero();
    }
  }

  @Test
  void everyContenderBringsEveryMessageToItsEffect() {
    PrintStream silent =
        new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
    List<Contender> contenders = Contenders.all();

    try (PostgresServer server = Contenders.server()) {
      Results results = new Benchmark(server, contenders, BRIEF, silent).run();

      assertThat(results.rounds().keySet())
          .containsExactlyInAnyOrderElementsOf(
              contenders.stream().map(each -> new Results.Case(2, each.name())).toList());
      assertThat(results.rounds().values())
          .allSatisfy(
              rounds ->
                  assertThat(rounds)
                      .singleElement()
                      .satisfies(measured -> assertThat(measured.perSecond()).isPositive()));
      assertThat(new Report(BRIEF, contenders, results, server.version()).table())
          .contains("2 producers", "tenon / ", "bound of tenon");
      assertThat(JsonReport.of(BRIEF, contenders, results, server.version()))
          .startsWith("{\"postgresql\":\"18")
          .contains("\"contender\":\"namastack\"");
    }
  }
}
