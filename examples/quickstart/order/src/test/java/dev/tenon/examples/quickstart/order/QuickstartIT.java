package dev.tenon.examples.quickstart.order;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.tenon.examples.quickstart.inventory.InventoryApplication;
import dev.tenon.examples.quickstart.payment.PaymentApplication;
import dev.tenon.examples.quickstart.user.UserApplication;
import dev.tenon.testing.database.Ports;
import dev.tenon.testing.database.PostgresExtension;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** All four services, each with its own database, and messages between them. */
class QuickstartIT {
  private static final int USERS = 10_000;
  private static final int CUSTOMERS = 10; // of them
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Map<String, Integer> ports = new LinkedHashMap<>();
  private static final List<RunningService> running = new ArrayList<>();
  private static RunningService user;
  private static RunningService order;
  private static RunningService inventory;
  private static RunningService payment;

  /** The users exist before anybody subscribes to them. */
  @BeforeAll
  static void start() throws Exception {
    for (String service : List.of("user", "order", "inventory", "payment")) {
      ports.put(service, Ports.free(new SecureRandom()));
    }
    user = start(UserApplication.class);
    String users =
        IntStream.rangeClosed(1, USERS - CUSTOMERS)
            .mapToObj("{'id':'%1$d','name':'User %1$d','email':'%1$d@example.org'}"::formatted)
            .collect(Collectors.joining(",", "[", "]"));
    assertThat(user.post("/users", json(users)).status()).isEqualTo(200);
    String customers =
        IntStream.range(17850, 17850 + CUSTOMERS)
            .mapToObj("{'id':'%1$d','name':'Customer %1$d','email':'%1$d@example.org'}"::formatted)
            .collect(Collectors.joining(",", "[", "]"));
    user.post("/users", json(customers));
    inventory = start(InventoryApplication.class);
    payment = start(PaymentApplication.class);
    order = start(OrderApplication.class);
    inventory.post(
        "/stock",
        json(
            "[{'stockCode':'85123A','quantity':100},{'stockCode':'71053','quantity':2},"
                + "{'stockCode':'22086','quantity':50}]"));
  }

  private static RunningService start(Class<?> application) throws Exception {
    RunningService service =
        RunningService.start(application, postgres.freshDatabase("quickstart"), ports);
    running.add(service);
    return service;
  }

  @AfterAll
  static void stop() {
    running.reversed().forEach(RunningService::close);
  }

  @Test
  void confirmsAnOrderOnceStockAndMoneyAreThere() {
    String body =
        json(
            "{'orderNo':'536365','customerId':'17850','lines':["
                + "{'stockCode':'22086','quantity':6,'unitPrice':2.55},"
                + "{'stockCode':'22086','quantity':-1,'unitPrice':2.55},"
                + "{'stockCode':'22086','quantity':1,'unitPrice':0}]}");

    RunningService.Answer taken = order.post("/orders", body);

    assertThat(taken.status()).isEqualTo(202);
    assertThat(taken.body()).contains("QUANTITY_NOT_POSITIVE", "PRICE_NOT_POSITIVE");
    awaitStatus("536365", "CONFIRMED");
    assertThat(order.post("/orders", body)).isEqualTo(taken);
    assertThat(order.post("/orders", body.replace("2.55", "2.54")).status()).isEqualTo(409);
    assertThat(order.get("/orders/536365").body()).contains("\"amount\":15.3");
    assertThat(order.get("/orders?customer=17850").body()).contains("536365");
    assertThat(inventory.get("/stock/22086").body()).contains("\"onHand\":44");
    assertThat(payment.get("/ledger/536365").body()).containsOnlyOnce("CHARGE").contains("15.3");
  }

  @Test
  void takesNoOrderOfWhatTheOwnersOfUsersAndProductsDoNotKnow() {
    RunningService.Answer nobody =
        order.post("/orders", order("536380", "nobody", "22086", 1, "2.55"));
    RunningService.Answer nothing =
        order.post("/orders", order("536381", "17850", "nothing", 1, "2.55"));

    assertThat(nobody.status()).isEqualTo(422);
    assertThat(nobody.body()).contains("UNKNOWN_CUSTOMER", "No user nobody.");
    assertThat(nothing.status()).isEqualTo(422);
    assertThat(nothing.body()).contains("UNKNOWN_PRODUCT", "[nothing]");
    assertThat(order.get("/orders/536380").status()).isEqualTo(404);
  }

  @Test
  void undoesTheChargeWhenStockIsShort() {
    order.post("/orders", order("536366", "17851", "71053", 3, "3.39"));

    awaitStatus("536366", "OUT_OF_STOCK");
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(payment.get("/ledger/536366").body())
                    .isEqualTo(
                        json(
                            "[{'kind':'CHARGE','amount':10.1700},"
                                + "{'kind':'VOID','amount':-10.1700}]")));
    assertThat(inventory.get("/stock/71053").body()).contains("\"onHand\":2");
  }

  @Test
  void releasesTheStockWhenTheChargeIsRefused() {
    order.post("/orders", order("536367", "17851", "71053", 1, "10000.01"));

    awaitStatus("536367", "CHARGE_REFUSED");
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> assertThat(inventory.get("/stock/71053").body()).contains("\"onHand\":2"));
    assertThat(payment.get("/ledger/536367").body()).isEqualTo("[]");
  }

  @Test
  void refundsAndRestocksWhatTheCustomerHadBought() {
    order.post("/orders", order("536368", "17852", "85123A", 10, "2.55"));
    order.post("/orders", order("536369", "17852", "85123A", 5, "2"));
    awaitStatus("536368", "CONFIRMED");
    awaitStatus("536369", "CONFIRMED");
    String body = cancellation("C536370", "17852", "85123A", 7);

    RunningService.Answer refunded = order.post("/cancellations", body);

    assertThat(refunded.status()).isEqualTo(202);
    assertThat(refunded.body()).contains("REFUNDED", "\"amount\":15.1"); // 5 * 2 + 2 * 2.55
    assertThat(order.post("/cancellations", body)).isEqualTo(refunded);
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              assertThat(inventory.get("/stock/85123A").body()).contains("\"onHand\":92");
              assertThat(payment.get("/ledger/C536370").body()).contains("REFUND", "-15.1");
            });
    assertThat(order.post("/cancellations", cancellation("C1", "17852", "85123A", 9)))
        .satisfies(
            refused -> {
              assertThat(refused.status()).isEqualTo(422);
              assertThat(refused.body()).contains("NOT_BOUGHT");
            });
    assertThat(order.post("/cancellations", cancellation("C2", "17850", "85123A", 1)).status())
        .isEqualTo(422);
  }

  @Test
  void refusesAnOrderWithoutACustomer() {
    RunningService.Answer refused =
        order.post(
            "/orders",
            json(
                "{'orderNo':'536371','customerId':null,'lines':["
                    + "{'stockCode':'22086','quantity':6,'unitPrice':2.55}]}"));

    assertThat(refused.status()).isEqualTo(422);
    assertThat(refused.body()).contains("NO_CUSTOMER");
    assertThat(order.get("/orders/536371").body()).contains("REJECTED");
    assertThat(order.get("/orders/none").status()).isEqualTo(404);
    assertThat(order.post("/orders", "{}").status()).isEqualTo(400);
  }

  @Test
  void keepsACopyOfUsersThatSurvivesLateSubscriptionDeletionAndWiping() {
    awaitUsers(USERS);
    assertThat(order.get("/users-copy/17").body()).contains("User 17");

    user.post("/users", json("[{'id':'new','name':'New','email':'new@example.org'}]"));
    awaitUsers(USERS + 1);
    assertThat(user.delete("/users/new").status()).isEqualTo(204);
    assertThat(user.delete("/users/3").status()).isEqualTo(204);
    awaitUsers(USERS - 1);
    assertThat(order.get("/users-copy/3").status()).isEqualTo(404);

    assertThat(order.post("/users-copy/rebuild", "").status()).isEqualTo(202);
    awaitUsers(USERS - 1);
    assertThat(order.get("/users-copy/3").status()).isEqualTo(404);
    assertThat(order.get("/users-copy/17").status()).isEqualTo(200);
  }

  private static void awaitUsers(int count) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(order.get("/users-copy").body()).isEqualTo(json("{'users':%d}", count)));
  }

  private static void awaitStatus(String orderNo, String statusOrReason) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> assertThat(order.get("/orders/" + orderNo).body()).contains(statusOrReason));
  }

  private static String order(
      String number, String customer, String product, int quantity, String price) {
    return json(
        "{'orderNo':'%s','customerId':'%s','lines':["
            + "{'stockCode':'%s','quantity':%d,'unitPrice':%s}]}",
        number, customer, product, quantity, price);
  }

  private static String cancellation(String number, String customer, String product, int quantity) {
    return json(
        "{'cancellationNo':'%s','customerId':'%s','lines':[{'stockCode':'%s','quantity':%d}]}",
        number, customer, product, quantity);
  }

  private static String json(String template, Object... values) {
    return template.formatted(values).replace('\'', '"');
  }
}
