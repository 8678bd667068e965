package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.tenon.cli.TenonRuns.Run;
import dev.tenon.runtime.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
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
  private static final int SERVICES = DemoHome.SERVICES.size();

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
  void leavesNothingBehindIfInterruptedWhilePostgresStarts() throws Exception {
    Run demo = runs.run("demo", "--once");
    demo.awaitTold("Starting PostgreSQL");
    await().atMost(TenonRuns.PATIENCE).until(() -> !runs.processes("postgres").isEmpty());

    demo.signal("INT");

    assertThat(demo.status()).isEqualTo(130);
    assertNothingIsLeft();
    assertThat(demo.said()).isEmpty();
  }

  @Test
  @Order(2)
  void leavesNothingBehindIfTerminatedWhileItFeedsOrders() throws Exception {
    Run demo = runs.run("demo", "--once", "--json");
    demo.awaitTold("products opened");
    assertThat(runs.processes()).hasSizeGreaterThan(SERVICES);

    demo.signal("TERM");

    assertThat(demo.status()).isEqualTo(143);
    assertNothingIsLeft();
    assertThat(demo.said()).isEmpty();
    assertThat(demo.told()).doesNotContain("Could not");
  }

  @Test
  @Order(3)
  void printsTheAuditAsJsonAndNothingElseAndEnds() throws Exception {
    Run demo = runs.run("demo", "--once", "--json");

    assertThat(demo.status()).as(demo.told()).isZero();
    assertNothingIsLeft();
    JsonNode audit = one(demo.said());
    assertThat(audit.get("consistent").asBoolean()).isTrue();
    assertThat(audit.get("differences")).isEmpty();
    assertThat(audit.get("notKilled")).isEmpty();
    assertThat(texts(audit.get("modesNotKilled"))).isEqualTo(unmetModes(audit.get("kills")));
    assertThat(audit.get("modes"))
        .hasSize(PlaceMode.values().length)
        .allSatisfy(
            mode -> {
              assertThat(mode.get("ordersConfirmed").asLong()).isPositive();
              assertThat(mode.get("piecesSold")).isEqualTo(mode.get("piecesOrdered"));
              assertThat(mode.get("moneyCharged")).isEqualTo(mode.get("moneyOwed"));
              for (String nothing :
                  List.of("holds", "locks", "images", "prepared", "open", "differences")) {
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

  /** Which modes meet a kill is up to chance; which did not has to be said. */
  private static Set<String> unmetModes(JsonNode kills) {
    Set<String> unmet = new TreeSet<>();
    for (String service : List.of("order", "inventory", "payment")) {
      for (PlaceMode mode : PlaceMode.values()) {
        unmet.add(service + "/" + mode.text());
      }
    }
    assertThat(unmet).hasSize(3 * PlaceMode.values().length);
    for (JsonNode kill : kills) {
      for (Map.Entry<String, JsonNode> orders : kill.get("ordersInFlight").properties()) {
        if (orders.getValue().asLong() > 0) {
          String mode = orders.getKey().toLowerCase(Locale.ROOT);
          unmet.remove(kill.get("service").asString() + "/" + mode);
        }
      }
    }
    assertThat(unmet).hasSizeLessThan(2 * PlaceMode.values().length);
    return unmet;
  }

  private static Set<String> texts(JsonNode list) {
    Set<String> texts = new TreeSet<>();
    list.forEach(text -> texts.add(text.asString()));
    return texts;
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
    Run demo = runs.run("demo", "--orders", orders.toString());
    demo.awaitSaid("The demo is up until Ctrl-C");
    assertThat(runs.processes()).hasSizeGreaterThan(SERVICES);
    for (String service : DemoHome.SERVICES) {
      assertThat(demo.told()).containsPattern("kill -9 \\d+ \\(" + service + "\\) with [1-9]");
      assertThat(demo.said()).containsPattern("  " + service + " +with [1-9]\\d* message");
    }

    Run delete =
        runs.run("sql", "--service", "inventory", "delete from stock where stock_code = '71053'");
    assertThat(delete.status()).as(delete.told()).isZero();
    Run audit = runs.run("audit", "--json");

    assertThat(audit.status()).isEqualTo(1);
    assertThat(one(audit.said()).get("differences"))
        .singleElement()
        .satisfies(
            difference -> {
              assertThat(difference.get("what").asString()).isEqualTo("stock on hand of 71053");
              assertThat(difference.get("found").asString()).isEqualTo("none");
            });
    plantWhatAFailureCouldLeave();
    Run planted = runs.run("audit", "--json");
    assertThat(planted.status()).isEqualTo(1);
    assertThat(one(planted.said()).get("differences"))
        .extracting(difference -> difference.get("what").asString())
        .contains(
            "inventory: hold of 85123A for order 1",
            "inventory: pieces held of 85123A by nobody",
            "payment: hold of money for order 1",
            "payment: branch payment of x",
            "inventory: lock in stock_pkey by x",
            "user: image of a row of users",
            "payment: prepared transaction planted",
            "order: messages about order 536364, which is CONFIRMED",
            "inventory: lowest stock of 85123A");
    Run second = runs.run("demo", "--once");
    assertThat(second.status()).isEqualTo(Main.FAILED);
    assertThat(second.told()).contains("one is up already");

    demo.signal("INT");

    assertThat(demo.status()).isEqualTo(130);
    assertNothingIsLeft();
    assertThat(runs.run("audit").status()).isEqualTo(Main.FAILED);
  }

  private void plantWhatAFailureCouldLeave() throws IOException, InterruptedException {
    plant("inventory", "insert into stock_hold values (gen_random_uuid(), '85123A', '1', 2)");
    plant("payment", "insert into money_hold values (gen_random_uuid(), '1', '17850', 2.55)");
    plant(
        "payment",
        "insert into tenon.branch (xid, step, header, starter, deadline, state, kind, opened_at)"
            + " values ('x', 'payment', 'x.', 'order', now(), 'OPEN', 'SAGA', now())");
    plant(
        "inventory",
        "insert into stock_movement (stock_code, reference, kind, quantity)"
            + " values ('85123A', 'nobody', 'SOLD', -100000)");
    plant(
        "inventory",
        "insert into tenon.row_lock (place, kind, hash, xid, holders, scope)"
            + " values ('stock_pkey'::regclass, 'R', 1, 'x', array[gen_random_uuid()], '1')");
    plant(
        "user",
        "insert into tenon.row_image (branch, rel, columns, places, kinds, hashes)"
            + " values (gen_random_uuid(), 'users', 3, '{}', '{}', '{}')");
    plant(
        "payment",
        "begin; insert into ledger (kind, reference, customer_id, amount)"
            + " values ('CHARGE', 'nobody', '17850', 1); prepare transaction 'planted'");
    plant(
        "order", "update orders set mode = 'mixed', payment = 'WAITING' where order_no = '536364'");
  }

  private void plant(String service, String sql) throws IOException, InterruptedException {
    Run run = runs.run("sql", "--service", service, sql);
    assertThat(run.status()).as(run.told()).isZero();
  }

  /** Exactly one document. */
  private static JsonNode one(String text) {
    assertThat(text.strip().lines()).hasSize(1);
    return Json.mapper().readTree(text);
  }

  private static void assertNothingIsLeft() {
    runs.assertNothingIsLeft();
    assertThat(runs.data().resolve("postgres/cluster/postmaster.pid")).doesNotExist();
  }
}
