package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.tenon.runtime.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * The real thing as its user runs it: {@code ./tenon demo}, a process with PostgreSQL and four
 * services as processes of their own, killed meanwhile, and audited.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class DemoIT {
  private static final Path ROOT =
      Path.of(System.getProperty("tenon.home")).toAbsolutePath().normalize();
  private static final Duration PATIENCE = Duration.ofMinutes(10);
  private static final int SERVICES = DemoHome.SERVICES.size();

  /** Shared, so that PostgreSQL's data and the services are made ready once. */
  @TempDir private static Path directory;

  private static int runs;
  private final List<Run> started = new ArrayList<>();

  /** A run of {@code ./tenon}. */
  private record Run(Process process, Path out, Path err) {
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

  @AfterEach
  void endWhatAFailedTestLeft() {
    started.forEach(run -> run.process.destroy());
    await().atMost(PATIENCE).until(() -> processes().isEmpty());
  }

  @Test
  @Order(1)
  void leavesNothingBehindIfInterruptedWhilePostgresStarts() throws Exception {
    Run demo = run("demo", "--once");
    demo.awaitTold("Starting PostgreSQL");
    await().atMost(PATIENCE).until(() -> !processes("postgres").isEmpty());

    demo.signal("INT");

    assertThat(demo.status()).isEqualTo(130);
    assertNothingIsLeft();
    assertThat(demo.said()).isEmpty();
  }

  @Test
  @Order(2)
  void leavesNothingBehindIfTerminatedWhileItFeedsOrders() throws Exception {
    Run demo = run("demo", "--once", "--json");
    demo.awaitTold("products opened");
    assertThat(processes()).hasSizeGreaterThan(SERVICES);

    demo.signal("TERM");

    assertThat(demo.status()).isEqualTo(143);
    assertNothingIsLeft();
    assertThat(demo.said()).isEmpty();
    assertThat(demo.told()).doesNotContain("Could not");
  }

  @Test
  @Order(3)
  void printsTheAuditAsJsonAndNothingElseAndEnds() throws Exception {
    Run demo = run("demo", "--once", "--json");

    assertThat(demo.status()).as(demo.told()).isZero();
    assertNothingIsLeft();
    JsonNode audit = one(demo.said());
    assertThat(audit.get("consistent").asBoolean()).isTrue();
    assertThat(audit.get("differences")).isEmpty();
    assertThat(audit.get("notKilled")).isEmpty();
    assertThat(audit.get("modesNotKilled")).isEmpty();
    assertThat(audit.get("modes"))
        .hasSize(PlaceMode.values().length)
        .allSatisfy(
            mode -> {
              assertThat(mode.get("ordersConfirmed").asLong()).isPositive();
              assertThat(mode.get("piecesSold")).isEqualTo(mode.get("piecesOrdered"));
              assertThat(mode.get("moneyCharged")).isEqualTo(mode.get("moneyOwed"));
              for (String nothing : List.of("holds", "open", "differences")) {
                assertThat(mode.get(nothing).asLong()).as(nothing).isZero();
              }
            });
    for (String service : DemoHome.SERVICES) {
      assertThat(audit.get("kills"))
          .as(service)
          .anySatisfy(
              kill -> {
                assertThat(kill.get("service").asString()).isEqualTo(service);
                assertThat(kill.get("messagesInFlight").asLong()).isPositive();
              });
    }
  }

  @Test
  @Order(4)
  void staysUpUntilCtrlCAndFindsAStockRowThatIsDeletedByHand() throws Exception {
    Path orders = directory.resolve("a few orders.csv");
    Files.writeString(
        orders,
        """
        InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
        536364,85123A,"WHITE, ""HANGING"" HOLDER",6,12/1/2010 8:26,2.55,17850,United Kingdom
        536365,71053,LANTERN,2,12/1/2010 8:28,3.39,17850,United Kingdom
        C536366,85123A,HOLDER,-1,12/1/2010 9:00,2.55,17850,United Kingdom
        536367,22633,GIFT,1,12/1/2010 9:05,1.00,,United Kingdom
        """);
    Run demo = run("demo", "--orders", orders.toString());
    demo.awaitSaid("The demo is up until Ctrl-C");
    assertThat(processes()).hasSizeGreaterThan(SERVICES);
    for (String service : DemoHome.SERVICES) {
      assertThat(demo.told()).containsPattern("kill -9 \\d+ \\(" + service + "\\) with [1-9]");
      assertThat(demo.said()).containsPattern("  " + service + " +with [1-9]\\d* message");
    }

    Run delete =
        run("sql", "--service", "inventory", "delete from stock where stock_code = '71053'");
    assertThat(delete.status()).as(delete.told()).isZero();
    Run audit = run("audit", "--json");

    assertThat(audit.status()).isEqualTo(1);
    assertThat(one(audit.said()).get("differences"))
        .singleElement()
        .satisfies(
            difference -> {
              assertThat(difference.get("what").asString()).isEqualTo("stock on hand of 71053");
              assertThat(difference.get("found").asString()).isEqualTo("none");
            });
    plant("inventory", "insert into stock_hold values (gen_random_uuid(), '85123A', '1', 2)");
    plant("payment", "insert into money_hold values (gen_random_uuid(), '1', '17850', 2.55)");
    plant(
        "payment",
        "insert into tenon.branch (xid, step, header, starter, deadline, state, kind, opened_at)"
            + " values ('x', 'payment', 'x.', 'order', now(), 'OPEN', 'SAGA', now())");
    plant(
        "inventory",
        "insert into stock_movement (stock_code, reference, kind, quantity)"
            + " values ('85123A', 'nobody', 'SOLD', -1000)");
    Run planted = run("audit", "--json");
    assertThat(planted.status()).isEqualTo(1);
    assertThat(one(planted.said()).get("differences"))
        .extracting(difference -> difference.get("what").asString())
        .contains(
            "inventory: hold of 85123A for order 1",
            "inventory: pieces held of 85123A by nobody",
            "payment: hold of money for order 1",
            "payment: branch payment of x",
            "inventory: lowest stock of 85123A");
    Run second = run("demo", "--once");
    assertThat(second.status()).isEqualTo(Main.FAILED);
    assertThat(second.told()).contains("one is up already");

    demo.signal("INT");

    assertThat(demo.status()).isEqualTo(130);
    assertNothingIsLeft();
    assertThat(run("audit").status()).isEqualTo(Main.FAILED);
  }

  private void plant(String service, String sql) throws IOException, InterruptedException {
    Run run = run("sql", "--service", service, sql);
    assertThat(run.status()).as(run.told()).isZero();
  }

  /** Exactly one document. */
  private static JsonNode one(String text) {
    assertThat(text.strip().lines()).hasSize(1);
    return Json.mapper().readTree(text);
  }

  private Run run(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("bash", ROOT.resolve("tenon").toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("TENON_BUILD", "never");
    builder.environment().put("TENON_DATA", data().toString());
    runs++;
    Path out = directory.resolve("out" + runs);
    Path err = directory.resolve("err" + runs);
    Process process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
    Run run = new Run(process, out, err);
    started.add(run);
    return run;
  }

  private static Path data() {
    return directory.resolve("data");
  }

  /** At once when the demo has ended, except for the watchdog, which ends by itself. */
  private static void assertNothingIsLeft() {
    assertThat(processes("java")).isEmpty();
    assertThat(processes("postgres")).isEmpty();
    await().atMost(PATIENCE).until(() -> processes().isEmpty());
    assertThat(data().resolve("postgres/cluster/postmaster.pid")).doesNotExist();
    assertThat(data().resolve("demo.json")).doesNotExist();
  }

  /** All that was started for the demo names its directory. */
  private static List<String> processes() {
    return ProcessHandle.allProcesses()
        .map(process -> process.info().commandLine().orElse(""))
        .filter(command -> command.contains(data().toString()))
        .toList();
  }

  private static List<String> processes(String program) {
    return processes().stream()
        .filter(command -> Path.of(command.split(" ", 2)[0]).endsWith(program))
        .toList();
  }
}
