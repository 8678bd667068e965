package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real thing: PostgreSQL, four service processes, orders, kills, audit. */
class DemoIT {
  @TempDir private Path directory;

  @Test
  void losesNothingWhenEachServiceIsKilledAndFindsAStockRowThatIsDeletedByHand() throws Exception {
    Path root = Path.of(System.getProperty("tenon.home")).toAbsolutePath().normalize();
    DemoHome home = new DemoHome(root, directory);
    ByteArrayOutputStream told = new ByteArrayOutputStream();
    Progress progress = new Progress(new PrintStream(told, true, StandardCharsets.UTF_8), false);
    List<ProcessHandle> processes;

    try (Demo demo = new Demo(home, OrderSource.GENERATED, progress)) {
      DemoServices services = demo.start(Ports.free(8));
      DemoRun run = new DemoRun(demo.input(), services, progress);
      run.run();
      AuditReport report = demo.audit();

      assertThat(report.differences()).as(told.toString(StandardCharsets.UTF_8)).isEmpty();
      assertThat(run.kills())
          .extracting(DemoRun.Kill::service)
          .containsExactlyInAnyOrderElementsOf(DemoHome.SERVICES);
      assertThat(run.kills()).allSatisfy(kill -> assertThat(kill.messagesInFlight()).isPositive());
      findsWhatIsDeletedByHand(demo);
      refusesASecondDemo(home, progress);
      processes = processes(DemoState.require(home));
      assertThat(processes).hasSize(4).allMatch(ProcessHandle::isAlive);
    }

    assertThat(processes).noneMatch(ProcessHandle::isAlive);
    assertThat(DemoState.read(home)).isEmpty();
    assertThat(Files.exists(home.log("order"))).isTrue();
  }

  private static void findsWhatIsDeletedByHand(Demo demo) throws SQLException {
    deleteOne(demo, "delete from stock where stock_code = (select min(stock_code) from stock)");

    assertThat(demo.audit().differences())
        .singleElement()
        .satisfies(
            difference -> {
              assertThat(difference.what()).isEqualTo("stock on hand of D");
              assertThat(difference.expected()).isEqualTo("100");
              assertThat(difference.found()).isEqualTo("none");
            });

    deleteOne(
        demo,
        "delete from stock_movement where id ="
            + " (select min(id) from stock_movement where kind = 'SOLD')");

    assertThat(demo.audit().differences())
        .hasSize(2)
        .anySatisfy(difference -> assertThat(difference.what()).startsWith("stock moved by "));
  }

  private static void deleteOne(Demo demo, String sql) throws SQLException {
    try (Connection connection = demo.logins().connect("inventory");
        PreparedStatement delete = connection.prepareStatement(sql)) {
      assertThat(delete.executeUpdate()).isEqualTo(1);
    }
  }

  private static void refusesASecondDemo(DemoHome home, Progress progress) {
    try (Demo second = new Demo(home, OrderSource.GENERATED, progress)) {
      assertThatThrownBy(() -> second.start(Ports.free(8)))
          .isInstanceOf(CliException.class)
          .hasMessageContaining("one is up already");
    }
    assertThat(DemoState.read(home)).isPresent();
  }

  private static List<ProcessHandle> processes(DemoState state) {
    return state.services().values().stream()
        .map(service -> service.process().orElseThrow())
        .toList();
  }
}
