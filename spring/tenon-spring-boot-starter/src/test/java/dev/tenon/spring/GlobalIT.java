package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.tenon.global.Compensated;
import dev.tenon.global.GlobalTransactions;
import dev.tenon.global.Participant;
import dev.tenon.global.SagaType;
import dev.tenon.global.Sagas;
import dev.tenon.global.TryConfirmCancel;
import dev.tenon.grpc.GrpcChannels;
import dev.tenon.invocation.Idempotent;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.rest.RestClients;
import dev.tenon.rest.RestService;
import dev.tenon.spring.greeter.GreeterGrpc;
import dev.tenon.spring.greeter.Greeting;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transport.OperatorsPortService;
import dev.tenon.transport.PortService;
import io.grpc.stub.StreamObserver;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.grpc.server.service.GrpcService;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.service.annotation.PostExchange;

/** Two Boot applications in distributed transactions, by annotations, over REST and gRPC. */
class GlobalIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final String NO_WEB = "spring.main.web-application-type=none";
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String TABLE = "CREATE TABLE diary (id serial, entry text)";

  /** What is asked for. */
  public record Units(String item, int count) {}

  /** What the two share. */
  public interface StoreApi {
    /** Reserves. */
    @PostExchange("/store/reserve")
    @Idempotent
    String reserve(@RequestBody Units units);

    /** Charges. */
    @PostExchange("/store/charge")
    @Idempotent
    String charge(@RequestBody Units units);
  }

  /** A participant's handler, as a service writes it. */
  static class Store implements StoreApi {
    private final JdbcTemplate jdbc;

    Store(JdbcTemplate jdbc) {
      this.jdbc = jdbc;
    }

    @Override
    @Transactional
    @TryConfirmCancel(confirm = "confirm", cancel = "cancel")
    public String reserve(Units units) {
      note("try " + units.item());
      return "reserved";
    }

    /** Ends it well. */
    public void confirm(Units units, UnitOfWork unit) {
      note("confirm " + units.item() + " " + !unit.readOnly());
    }

    /** Gives it back. */
    @Transactional
    public void cancel(Units units) {
      note("cancel " + units.item());
    }

    @Override
    @Transactional
    @Compensated(by = "refund")
    public String charge(Units units) {
      note("charge " + units.count());
      return "charged";
    }

    /** Undoes a charge. */
    public void refund(Units units) {
      note("refund " + units.count());
    }

    private void note(String entry) {
      jdbc.update("INSERT INTO diary (entry) VALUES (?)", entry);
    }
  }

  /** A participant's gRPC handler. */
  @GrpcService
  static class Greeter extends GreeterGrpc.GreeterImplBase {
    private final JdbcTemplate jdbc;

    Greeter(JdbcTemplate jdbc) {
      this.jdbc = jdbc;
    }

    @Override
    @Compensated(by = "forget")
    public void greet(Greeting greeting, StreamObserver<Greeting> observer) {
      jdbc.update("INSERT INTO diary (entry) VALUES (?)", "greet " + greeting.getText());
      observer.onNext(greeting);
      observer.onCompleted();
    }

    /** Undoes a greeting. */
    public void forget(Greeting greeting) {
      jdbc.update("INSERT INTO diary (entry) VALUES (?)", "forget " + greeting.getText());
    }
  }

  @SpringBootConfiguration
  @EnableAutoConfiguration
  static class StoreApplication {
    @Bean
    Store store(JdbcTemplate jdbc) {
      return new Store(jdbc);
    }

    @Bean
    Greeter greeter(JdbcTemplate jdbc) {
      return new Greeter(jdbc);
    }

    @Bean
    PortService storeApi(Store store, IdempotentReceiver receiver, Participant participant) {
      return RestService.of(StoreApi.class, store)
          .idempotent(receiver)
          .participant(participant)
          .build();
    }
  }

  /** What starts the transactions. */
  static class Orders {
    private final StoreApi store;
    private final GreeterGrpc.GreeterBlockingStub greeter;
    private final JdbcTemplate jdbc;

    Orders(StoreApi store, GreeterGrpc.GreeterBlockingStub greeter, JdbcTemplate jdbc) {
      this.store = store;
      this.greeter = greeter;
      this.jdbc = jdbc;
    }

    /** Calls first, writes last. */
    @GlobalTransactional(timeout = "1m")
    @Transactional
    public void place(Units units, boolean fails) {
      store.reserve(units);
      store.charge(units);
      var unused = greeter.greet(Greeting.newBuilder().setText("ann").build());
      jdbc.update("INSERT INTO diary (entry) VALUES (?)", "ordered " + units.item());
      if (fails) {
        throw new IllegalStateException("changed my mind");
      }
    }

    /** Without a transaction. */
    public void reserveAlone(Units units) {
      store.reserve(units);
    }
  }

  @SpringBootConfiguration
  @EnableAutoConfiguration
  static class OrderApplication {
    @Bean
    Orders orders(RestClients clients, GrpcChannels channels, JdbcTemplate jdbc) {
      return new Orders(
          clients.client("store", StoreApi.class),
          GreeterGrpc.newBlockingStub(channels.channel("store")),
          jdbc);
    }

    @Bean
    SagaType<Units, String> restocking(RestClients clients) {
      StoreApi store = clients.client("store", StoreApi.class);
      return new SagaType<>(
          "restocking",
          Units.class,
          String.class,
          Duration.ofMinutes(1),
          (scope, units) -> scope.call("charge", () -> store.charge(units)));
    }
  }

  @SpringBootConfiguration
  @EnableAutoConfiguration
  static class Bystander {}

  private static ConfigurableApplicationContext store;
  private static ConfigurableApplicationContext order;

  @BeforeAll
  static void start() {
    store = BootService.start(StoreApplication.class, "store", postgres.freshDatabase("s"), NO_WEB);
    String address = BootService.addressOf("store", store);
    order =
        BootService.start(
            OrderApplication.class,
            "order",
            postgres.freshDatabase("o"),
            address,
            "tenon.global.operators=ops",
            NO_WEB);
    jdbc(store).execute(TABLE);
    jdbc(order).execute(TABLE);
  }

  @AfterAll
  static void stop() {
    order.close();
    store.close();
  }

  @BeforeEach
  void clear() {
    jdbc(store).execute("TRUNCATE diary");
    jdbc(order).execute("TRUNCATE diary");
  }

  private static JdbcTemplate jdbc(ConfigurableApplicationContext service) {
    return service.getBean(JdbcTemplate.class);
  }

  private static List<String> diary(ConfigurableApplicationContext service) {
    return jdbc(service).queryForList("SELECT entry FROM diary ORDER BY id", String.class);
  }

  @Test
  void commitsAllByTheCommitOfTheStartersRows() {
    order.getBean(Orders.class).place(new Units("lamp", 3), false);

    assertThat(diary(order)).containsExactly("ordered lamp");
    await()
        .atMost(LIMIT)
        .untilAsserted(
            () ->
                assertThat(diary(store))
                    .containsExactly("try lamp", "charge 3", "greet ann", "confirm lamp true"));
  }

  @Test
  void undoesAllWhenTheMethodThrows() {
    assertThatThrownBy(() -> order.getBean(Orders.class).place(new Units("pen", 4), true))
        .hasMessage("changed my mind");

    assertThat(diary(order)).isEmpty();
    await()
        .atMost(LIMIT)
        .untilAsserted(
            () ->
                assertThat(diary(store))
                    .containsExactlyInAnyOrder(
                        "try pen",
                        "charge 4",
                        "greet ann",
                        "forget ann",
                        "refund 4",
                        "cancel pen"));
  }

  @Test
  void refusesATryThatNobodyWouldEnd() {
    assertThatThrownBy(() -> order.getBean(Orders.class).reserveAlone(new Units("cup", 1)))
        .isInstanceOfSatisfying(
            RemoteProblemException.class,
            e -> assertThat(e.problem().reason()).contains("transaction-required"));
    assertThat(diary(store)).isEmpty();
  }

  @Test
  void runsSagasThatAreBeans() throws InterruptedException {
    Sagas sagas = order.getBean(Sagas.class);
    @SuppressWarnings("unchecked")
    SagaType<Units, String> type = order.getBean("restocking", SagaType.class);

    sagas.start(type, "r-1", new Units("lamp", 9));

    assertThat(sagas.result(type, "r-1", LIMIT)).contains("charged");
    assertThat(diary(store)).containsExactly("charge 9");
  }

  @Test
  void tellsItsHealthWhatIsOpenAndStaysUp() {
    try (ConfigurableApplicationContext shop =
        BootService.start(
            OrderApplication.class,
            "shop",
            postgres.freshDatabase("h"),
            BootService.addressOf("store", store),
            NO_WEB)) {
      HealthIndicator indicator = shop.getBean("tenonHealthIndicator", HealthIndicator.class);
      assertThat(transactions(indicator))
          .isEqualTo(
              Map.of(
                  "decisions", "0",
                  "decisionsWithProblem", "0",
                  "branchesInDoubt", "0",
                  "branchesParked", "0",
                  "pivotsInDoubt", "0",
                  "sagasParked", "0"));
      standStill(jdbc(shop));

      assertThat(transactions(indicator))
          .isEqualTo(
              Map.of(
                  "decisions", "2",
                  "decisionsWithProblem", "1",
                  "oldestDecision", "2026-01-02T03:04:05Z",
                  "branchesInDoubt", "1",
                  "oldestBranchInDoubt", "2026-01-02T03:04:06Z",
                  "branchesParked", "2",
                  "pivotsInDoubt", "1",
                  "sagasParked", "1"));
      assertThat(indicator.health().getStatus()).isEqualTo(Status.UP);
    }
  }

  private static Object transactions(HealthIndicator indicator) {
    return indicator.health().getDetails().get("transactions");
  }

  /** What nobody takes up: decisions, a pivot in doubt, branches and sagas, some parked. */
  private static void standStill(JdbcTemplate jdbc) {
    for (String problem : new String[] {null, "stock: lost"}) {
      jdbc.update(
          "INSERT INTO tenon.global_decision (xid, xid_text, outcome, branches, started_at,"
              + " deadline, decided_at, problem) VALUES (gen_random_uuid(), 'x', 'COMMITTED', '',"
              + " now(), now(), '2026-01-02T03:04:05Z', ?)",
          problem);
    }
    jdbc.update(
        "INSERT INTO tenon.global_decision (xid, xid_text, outcome, branches, started_at,"
            + " deadline) VALUES (gen_random_uuid(), 'x', 'PIVOT_SENT', '', now(), now())");
    for (String state : List.of("OPEN", "PARKED", "PARKED", "COMMITTED")) {
      jdbc.update(
          "INSERT INTO tenon.branch (xid, step, header, starter, deadline, state, opened_at,"
              + " next_at) VALUES (gen_random_uuid()::text, '1', 'x', 'order',"
              + " now() + interval '1 day', ?, '2026-01-02T03:04:06Z',"
              + " CASE ? WHEN 'OPEN' THEN now() + interval '1 day' END)",
          state,
          state);
    }
    for (String state : List.of("PARKED", "ABORTED")) {
      jdbc.update(
          "INSERT INTO tenon.saga (xid, xid_text, type, id, fingerprint, input, state, started_at,"
              + " deadline) VALUES (gen_random_uuid(), 'x', 'restocking', ?, '', '', ?, now(),"
              + " now() + interval '1 day')",
          state,
          state);
    }
  }

  @Test
  void answersOperatorsThatItHasAlone() throws Exception {
    assertThat(statusFor("ops", order)).isEqualTo(200);
    assertThat(statusFor("store", order)).isEqualTo(403);
    assertThat(statusFor("ops", store)).isEqualTo(403);
  }

  private static int statusFor(String caller, ConfigurableApplicationContext service)
      throws Exception {
    int port = service.getBean(TenonNetwork.class).port().orElseThrow();
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpRequest request =
          HttpRequest.newBuilder(
                  URI.create("http://localhost:" + port + OperatorsPortService.TRANSACTIONS))
              .header("tenon-service", caller)
              .build();
      return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
    }
  }

  @Test
  void aServiceThatHasNothingToDoWithThemHasNoneOfTheirBeans() {
    try (ConfigurableApplicationContext bystander =
        BootService.start(Bystander.class, "bystander", postgres.freshDatabase("b"), NO_WEB)) {
      assertThat(bystander.getBeansOfType(GlobalTransactions.class)).isEqualTo(Map.of());
      assertThat(bystander.getBean(TenonNetwork.class).port()).isEmpty();
    }
  }
}
