package dev.tenon.examples.quickstart.order;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.tenon.examples.quickstart.inventory.InventoryApplication;
import dev.tenon.examples.quickstart.payment.PaymentApplication;
import dev.tenon.examples.quickstart.user.UserApplication;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.Ports;
import dev.tenon.testing.database.PostgresExtension;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The same orders by each means: what comes of them is the same. */
class OrderModesIT {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final String LAMP = "lamp";
  private static final String RARE = "rare";

  /** What AT and XA must not leave behind. */
  private static final List<String> LEFT =
      List.of(
          "SELECT count(*) FROM tenon.row_lock",
          "SELECT count(*) FROM tenon.row_image",
          "SELECT count(*) FROM tenon.branch_message",
          "SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()");

  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Map<String, RunningService> services = new LinkedHashMap<>();
  private static final Map<String, Database> databases = new LinkedHashMap<>();

  @BeforeAll
  static void start() throws Exception {
    Map<String, Class<?>> applications = new LinkedHashMap<>();
    applications.put("user", UserApplication.class);
    applications.put("inventory", InventoryApplication.class);
    applications.put("payment", PaymentApplication.class);
    applications.put("order", OrderApplication.class);
    Map<String, Integer> ports = new LinkedHashMap<>();
    for (String service : applications.keySet()) {
      ports.put(service, Ports.free(new SecureRandom()));
    }
    for (Map.Entry<String, Class<?>> each : applications.entrySet()) {
      Database database = postgres.freshDatabase("modes");
      databases.put(each.getKey(), database);
      services.put(each.getKey(), RunningService.start(each.getValue(), database, ports));
    }
    service("user").post("/users", json("[{'id':'ada','name':'Ada','email':'ada@example.org'}]"));
    service("inventory")
        .post(
            "/stock",
            json(
                "[{'stockCode':'%s','quantity':100},{'stockCode':'%s','quantity':2}]", LAMP, RARE));
  }

  @AfterAll
  static void stop() {
    List.copyOf(services.values()).reversed().forEach(RunningService::close);
  }

  private static RunningService service(String name) {
    RunningService service = services.get(name);
    if (service == null) {
      throw new IllegalStateException(name + " does not run");
    }
    return service;
  }

  @ParameterizedTest
  @EnumSource(Mode.class)
  void confirmsOnceAndSellsAndChargesOnce(Mode mode) {
    String number = "confirmed-" + mode.text();
    String body = order(number, LAMP, 3, "2.50");

    RunningService.Answer first = place(mode, body);
    awaitOrder(number, "CONFIRMED");
    RunningService.Answer again = place(mode, body);

    assertThat(first.status()).isEqualTo(mode.prompt() ? 201 : 202);
    assertThat(first.body()).contains(mode.prompt() ? "CONFIRMED" : "PENDING");
    assertThat(again).isEqualTo(first);
    assertThat(place(mode, body.replace("2.50", "2.51")).status()).isEqualTo(409);
    assertThat(place(mode == Mode.TCC ? Mode.SAGA : Mode.TCC, body).status()).isEqualTo(409);
    assertThat(service("order").get("/orders/" + number).body())
        .contains(json("'mode':'%s'", mode.text()));
    awaitNothingOpen();
    assertThat(moved(number)).isEqualTo("SOLD -3");
    assertThat(booked(number)).isEqualTo("CHARGE 7.5000");
    assertThat(deliveries(number)).isEqualTo(mode == Mode.MIXED ? "1" : "0");
    String told = mode == Mode.SAGA || mode == Mode.TCC ? "WAITING" : "DONE";
    await().atMost(PATIENCE).untilAsserted(() -> assertThat(told(number)).isEqualTo(told));
  }

  @ParameterizedTest
  @EnumSource(Mode.class)
  void rejectsWhatIsNotInStock(Mode mode) {
    String number = "stock-" + mode.text();
    String body = order(number, RARE, 3, "2.50");

    RunningService.Answer first = place(mode, body);

    awaitOrder(number, "OUT_OF_STOCK");
    awaitOrder(number, "REJECTED");
    assertThat(place(mode, body)).isEqualTo(first);
    awaitNothingOpen();
    await().atMost(PATIENCE).untilAsserted(() -> assertThat(paid(number)).isZero());
    assertThat(moved(number)).isEmpty();
    assertThat(deliveries(number)).isEqualTo("0");
    assertThat(service("inventory").get("/stock/" + RARE).body()).contains("\"onHand\":2");
  }

  @ParameterizedTest
  @EnumSource(Mode.class)
  void rejectsWhatIsTooExpensiveAndGivesTheStockBack(Mode mode) {
    String number = "money-" + mode.text();
    String body = order(number, RARE, 1, "10000.01");

    RunningService.Answer first = place(mode, body);

    awaitOrder(number, "CHARGE_REFUSED");
    awaitOrder(number, "REJECTED");
    assertThat(place(mode, body)).isEqualTo(first);
    awaitNothingOpen();
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(service("inventory").get("/stock/" + RARE).body())
                    .contains("\"onHand\":2"));
    assertThat(booked(number)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(names = "MESSAGES", mode = EnumSource.Mode.EXCLUDE)
  void placesOneOrderHoweverOftenItIsSentAtOnce(Mode mode) throws Exception {
    String number = "crowd-" + mode.text();
    String body = order(number, LAMP, 1, "1.00");
    try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<RunningService.Answer>> answers =
          clients.invokeAll(
              IntStream.range(0, 8)
                  .<Callable<RunningService.Answer>>mapToObj(
                      i -> () -> placeUntilAnswered(mode, body))
                  .toList());
      for (Future<RunningService.Answer> answer : answers) {
        assertThat(answer.get().status())
            .as(answer.get().body())
            .isEqualTo(mode.prompt() ? 201 : 202);
      }
    }

    awaitOrder(number, "CONFIRMED");
    awaitNothingOpen();
    assertThat(moved(number)).isEqualTo("SOLD -1");
    assertThat(booked(number)).isEqualTo("CHARGE 1.0000");
  }

  @ParameterizedTest
  @EnumSource(names = "MESSAGES", mode = EnumSource.Mode.EXCLUDE)
  void refundsWhatWasBoughtInAnyMode(Mode mode) {
    String number = "back-" + mode.text();
    place(mode, order(number, LAMP, 2, "4.00"));
    awaitOrder(number, "CONFIRMED");

    String cancelled =
        json(
            "{'cancellationNo':'C-%s','customerId':'ada',"
                + "'lines':[{'stockCode':'%s','quantity':1}]}",
            number, LAMP);
    assertThat(service("order").post("/cancellations", cancelled).status()).isEqualTo(202);

    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              assertThat(moved("C-" + number)).isEqualTo("RESTOCKED 1");
              assertThat(booked("C-" + number)).startsWith("REFUND -");
            });
  }

  @ParameterizedTest
  @EnumSource(Mode.class)
  void doesNotRejectAnOrderForPiecesThatAreOnlyOnHold(Mode mode) {
    String number = "hold-" + mode.text();
    String product = "held-" + mode.text();
    service("inventory").post("/stock", json("[{'stockCode':'%s','quantity':2}]", product));
    run("inventory", "UPDATE stock SET held = 1 WHERE stock_code = '" + product + "'");
    String body = order(number, product, 2, "1.00");

    RunningService.Answer first = place(mode, body);
    assertThat(first.status()).isEqualTo(mode.prompt() ? 502 : 202);
    run("inventory", "UPDATE stock SET held = 0 WHERE stock_code = '" + product + "'");
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> assertThat(place(mode, body).status()).isEqualTo(mode.prompt() ? 201 : 202));

    awaitOrder(number, "CONFIRMED");
    awaitNothingOpen();
    assertThat(moved(number)).isEqualTo("SOLD -2");
  }

  @Test
  void refusesAModeThatItDoesNotKnow() {
    RunningService.Answer refused = place("luck", order("mode", LAMP, 1, "1.00"));

    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.body())
        .contains("UNKNOWN_MODE", "mode: luck (expected: messages, saga, tcc, at, xa, mixed)");
    assertThat(service("order").get("/orders/mode").status()).isEqualTo(404);
  }

  private static RunningService.Answer place(Mode mode, String body) {
    return place(mode.text(), body);
  }

  /** As a client does that is told "not now". */
  private static RunningService.Answer placeUntilAnswered(Mode mode, String body) {
    return await()
        .atMost(PATIENCE)
        .until(() -> place(mode, body), answer -> !Set.of(502, 503, 504).contains(answer.status()));
  }

  private static RunningService.Answer place(String mode, String body) {
    return service("order").post("/orders?mode=" + mode, body);
  }

  private static void awaitOrder(String number, String text) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> assertThat(service("order").get("/orders/" + number).body()).contains(text));
  }

  private static void awaitNothingOpen() {
    String branches =
        "SELECT count(*) FROM tenon.branch WHERE state NOT IN ('COMMITTED','ABORTED')";
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              for (String service : List.of("order", "inventory", "payment")) {
                assertThat(text(service, branches)).as(service).isEqualTo("0");
              }
              assertThat(text("inventory", "SELECT sum(held) FROM stock")).isEqualTo("0");
              assertThat(text("inventory", "SELECT count(*) FROM stock_hold")).isEqualTo("0");
              assertThat(text("payment", "SELECT count(*) FROM money_hold")).isEqualTo("0");
              for (String service : databases.keySet()) {
                for (String nothing : LEFT) {
                  assertThat(text(service, nothing)).as(service + ": " + nothing).isEqualTo("0");
                }
              }
            });
  }

  private static String moved(String reference) {
    return text(
        "inventory",
        "SELECT coalesce(string_agg(kind || ' ' || quantity, ', ' ORDER BY id), '')"
            + " FROM stock_movement WHERE reference = '"
            + reference
            + "'");
  }

  private static String booked(String reference) {
    return text(
        "payment",
        "SELECT coalesce(string_agg(kind || ' ' || amount, ', ' ORDER BY kind), '')"
            + " FROM (SELECT kind, sum(amount) AS amount FROM ledger WHERE reference = '"
            + reference
            + "' GROUP BY kind) booked");
  }

  private static String deliveries(String number) {
    return text("inventory", "SELECT count(*) FROM delivery WHERE order_no = '" + number + "'");
  }

  /** What the messages of both participants have said of an order, if it is the same. */
  private static String told(String number) {
    return text(
        "order",
        "SELECT CASE WHEN stock = payment THEN stock ELSE '' END FROM orders WHERE order_no = '"
            + number
            + "'");
  }

  private static int paid(String reference) {
    return Integer.parseInt(
        text(
            "payment",
            "SELECT coalesce(sum(amount), 0)::int FROM ledger WHERE reference = '"
                + reference
                + "'"));
  }

  private static void run(String service, String sql) {
    assertThat(text(service, "WITH done AS (" + sql + " RETURNING 1) SELECT count(*) FROM done"))
        .isEqualTo("1");
  }

  private static String text(String service, String sql) {
    Database database = databases.get(service);
    if (database == null) {
      throw new IllegalStateException(service + " does not run");
    }
    try (Connection connection = postgres.dataSource(database).getConnection();
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getString(1);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String order(String number, String product, int quantity, String price) {
    return json(
        "{'orderNo':'%s','customerId':'ada','lines':["
            + "{'stockCode':'%s','quantity':%d,'unitPrice':%s}]}",
        number, product, quantity, price);
  }

  private static String json(String template, Object... values) {
    return template.formatted(values).replace('\'', '"');
  }
}
