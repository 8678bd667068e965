package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.cli.TenonRuns.Run;
import dev.tenon.runtime.Json;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * The short form of {@code ./tenon torture}, which every build runs: a first round of faults, with
 * a seed that is known, over real processes.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class TortureIT {
  private static final String SEED = "7";
  private static final String KILLS = "8";

  /** Shared, so that PostgreSQL's data and the services are made ready once. */
  @TempDir private static Path directory;

  private static TenonRuns runs;

  @BeforeAll
  static void prepare() {
    runs = new TenonRuns(directory);
  }

  @AfterEach
  void endWhatAFailedTestLeft() {
    runs.endAll();
  }

  @Test
  @Order(1)
  void findsNoDifferenceAfterKillsPausesCutsAndClockJumps() throws Exception {
    Run torture = runs.run("torture", "--minutes", "2", "--kills", KILLS, "--seed", SEED, "--json");

    int status = torture.status();
    assertThat(torture.said()).as(torture.told()).isNotEmpty();
    JsonNode report = Json.mapper().readTree(torture.said());
    assertThat(report.get("differences")).as(torture.said()).isEmpty();
    assertThat(report.get("kills").asInt()).isGreaterThanOrEqualTo(2);
    assertThat(report.get("orders").propertyNames())
        .contains("messages", "saga", "tcc", "at", "xa", "mixed");
    assertThat(report.get("faults").propertyNames())
        .contains("SIGSTOP and SIGCONT", "kill -9 of order-1")
        .anyMatch(kind -> kind.startsWith("network"));
    assertThat(status).isZero();
    runs.assertNothingIsLeft();
  }

  @Test
  @Order(2)
  void leavesNothingBehindIfInterruptedWhileAServiceStandsStill() throws Exception {
    Run torture = runs.run("torture", "--seed", SEED);
    torture.awaitTold("SIGSTOP of");

    torture.signal("INT");

    assertThat(torture.status()).isEqualTo(130);
    runs.assertNothingIsLeft();
    assertThat(torture.said()).isEmpty();
    assertThat(torture.told()).doesNotContain("Could not");
  }
}
