package dev.tenon.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.linecorp.armeria.client.WebClient;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.RequestHeaders;
import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.Idempotent;
import dev.tenon.invocation.NotSentException;
import dev.tenon.invocation.Problem;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.invocation.Target;
import dev.tenon.invocation.spi.EndpointSource;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Messaging;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.Transactions;
import dev.tenon.transport.PortService;
import dev.tenon.transport.ServiceClient;
import dev.tenon.transport.ServiceIdentity;
import dev.tenon.transport.TenonPort;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.service.annotation.DeleteExchange;
import org.springframework.web.service.annotation.GetExchange;
import org.springframework.web.service.annotation.HttpExchange;
import org.springframework.web.service.annotation.PostExchange;

/** A typed client and a service of one interface, over real sockets and a real database. */
class RestIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final long REFUSED_ELSEWHERE = 4220;
  private static final long BUSY_ELSEWHERE = 5030;
  private static final Users USERS = new Users();

  record User(long id, String name, String email) {}

  record NewUser(String name, String email) {}

  /** What both sides share. */
  @HttpExchange("/users")
  interface UserApi {
    @GetExchange("/{id}")
    User find(@PathVariable long id);

    @GetExchange
    List<User> list(
        @RequestParam Optional<String> name, @RequestParam(defaultValue = "10") int max);

    @PostExchange
    @Idempotent
    ResponseEntity<User> add(@RequestBody NewUser user);

    @DeleteExchange("/{id}")
    void delete(@PathVariable long id, @RequestHeader("if-match") String version);
  }

  /** As a service writes it. */
  static final class Users implements UserApi {
    private final AtomicInteger added = new AtomicInteger();
    final AtomicInteger passedOn = new AtomicInteger();

    @Override
    public User find(long id) {
      if (id == 404) {
        throw new ResponseStatusException(HttpStatus.NOT_FOUND, "There is no user " + id + ".");
      }
      if (id == 409) {
        throw new RestException(
            new Problem(409, "urn:shop:locked", "Locked", "by ann", Map.of("until", "noon")));
      }
      if (id == REFUSED_ELSEWHERE || id == BUSY_ELSEWHERE) {
        passedOn.incrementAndGet();
        Problem told = Problem.of(id == REFUSED_ELSEWHERE ? 422 : 503, "told", "");
        throw new RemoteProblemException(new Target("stock", "reserve"), 1, told);
      }
      if (id == 57) {
        SQLException shutdown = new SQLException("terminating connection", "57P01");
        throw new IllegalStateException(shutdown);
      }
      if (id == 500) {
        throw new IllegalStateException("secret");
      }
      return new User(id, CallContext.current().principal().orElse("nobody"), "a b@c");
    }

    @Override
    public List<User> list(Optional<String> name, int max) {
      return List.of(new User(max, name.orElse("all"), ""));
    }

    @Override
    public ResponseEntity<User> add(NewUser user) {
      if (user.name().equals("taken")) {
        throw new ResponseStatusException(HttpStatus.CONFLICT, "The name is taken.");
      }
      return ResponseEntity.status(201)
          .header("location", "/users/1")
          .body(new User(added.incrementAndGet(), user.name(), user.email()));
    }

    @Override
    public void delete(long id, String version) {
      assertThat(version).isEqualTo("\"7\"");
    }
  }

  private static final HttpClient RAW = HttpClient.newHttpClient();
  private static TenonPort port;
  private static DataSource database;
  private static ServiceClient client;
  private static Messaging messaging;
  private static UserApi users;

  @BeforeAll
  static void open() {
    database = postgres.dataSource(postgres.freshDatabase("user"));
    messaging =
        Messaging.builder(Transactions.of(ServiceDatabase.builder("user", database).open()))
            .build();
    port =
        TenonPort.builder(ServiceIdentity.development("user"))
            .service(service(messaging.receiver()))
            .open();
    port.serve(List.of());
    EndpointSource source = EndpointSource.of(Map.of("user", List.of(port.address())));
    client =
        ServiceClient.builder(ServiceIdentity.development("order"), Calls.builder(source).build())
            .build();
    users = RestClients.of(client, IdGenerator.system()).client("user", UserApi.class);
  }

  private static PortService service(IdempotentReceiver receiver) {
    return RestService.of(UserApi.class, USERS).idempotent(receiver).build();
  }

  @AfterAll
  static void close() {
    client.close();
    port.close();
    messaging.close();
  }

  @Test
  void callsAMethodOfAnotherServiceInItsCallersContext() throws Exception {
    User user = CallContext.EMPTY.withPrincipal("ann").call(() -> users.find(7));

    assertThat(user).isEqualTo(new User(7, "ann", "a b@c"));
  }

  @Test
  void bindsQueryAndHeaderAndTakesDefaults() {
    assertThat(users.list(Optional.of("x&y = ü"), 3)).containsExactly(new User(3, "x&y = ü", ""));
    users.delete(1, "\"7\"");
  }

  @Test
  void answersWithStatusAndHeaders() {
    ResponseEntity<User> added = users.add(new NewUser("bob", "b@c"));

    assertThat(added.getStatusCode().value()).isEqualTo(201);
    assertThat(added.getHeaders().getFirst("location")).isEqualTo("/users/1");
    assertThat(added.getBody().name()).isEqualTo("bob");
  }

  @Test
  void aRemoteProblemArrivesAsATypedException() {
    RemoteProblemException failure =
        catchThrowableOfType(RemoteProblemException.class, () -> users.find(409));

    assertThat(failure.service()).isEqualTo("user");
    assertThat(failure.operation()).isEqualTo("UserApi.find");
    assertThat(failure.attempts()).isEqualTo(1);
    assertThat(failure.problem())
        .isEqualTo(
            new Problem(409, "urn:shop:locked", "Locked", "by ann", Map.of("until", "noon")));
  }

  @Test
  void whatAThirdServiceRefusedForGoodIsNotAskedAgain() {
    int before = USERS.passedOn.get();

    RemoteProblemException failure =
        catchThrowableOfType(RemoteProblemException.class, () -> users.find(REFUSED_ELSEWHERE));

    assertThat(failure.status()).isEqualTo(502);
    assertThat(failure.problem().isLasting()).isTrue();
    assertThat(failure.passedOn().isLasting()).as("handed on further").isTrue();
    assertThat(USERS.passedOn).hasValue(before + 1);
  }

  @Test
  void whatAThirdServiceCouldNotDoJustNowIsAskedAgain() {
    int before = USERS.passedOn.get();

    RemoteProblemException failure =
        catchThrowableOfType(RemoteProblemException.class, () -> users.find(BUSY_ELSEWHERE));

    assertThat(failure.status()).isEqualTo(502);
    assertThat(failure.problem().isLasting()).isFalse();
    assertThat(USERS.passedOn).hasValue(before + 3);
  }

  @Test
  void springsOwnProblemsAreAnsweredAsTheyAre() {
    assertThatThrownBy(() -> users.find(404))
        .isInstanceOfSatisfying(
            RemoteProblemException.class, e -> assertThat(e.status()).isEqualTo(404))
        .hasMessageContaining("There is no user 404.");
  }

  @Test
  void anUnexpectedFailureTellsTheCallerNothing() {
    assertThatThrownBy(() -> users.find(500))
        .isInstanceOfSatisfying(
            RemoteProblemException.class, e -> assertThat(e.status()).isEqualTo(500))
        .hasMessageNotContaining("secret");
  }

  @Test
  void anUnknownServiceIsNamedWithThoseThatAreKnown() {
    UserApi other = RestClients.of(client, IdGenerator.system()).client("usr", UserApi.class);

    assertThatThrownBy(() -> other.find(1))
        .isInstanceOf(NotSentException.class)
        .hasMessageContaining("known are [user]");
  }

  @Test
  void aRepeatedKeyGetsTheFirstAnswerAndAnotherBodyIsRefused() throws Exception {
    String key = "\"k-" + System.nanoTime() + "\"";
    var first = post("{\"name\":\"eve\",\"email\":\"e@f\"}", key);
    var again = post("{\"email\":\"e@f\",  \"name\":\"eve\"}", key);
    var other = post("{\"name\":\"mallory\",\"email\":\"e@f\"}", key);

    assertThat(first.statusCode()).isEqualTo(201);
    assertThat(again.body()).isEqualTo(first.body());
    assertThat(again.headers().firstValue("idempotency-replayed")).contains("true");
    assertThat(again.headers().firstValue("location")).contains("/users/1");
    assertThat(other.statusCode()).isEqualTo(422);
    assertThat(other.body()).contains("other-request");
  }

  @Test
  void keysAreBesideTheMethodAndPathAsInSpringMvc() throws Exception {
    post("{\"name\":\"ann\",\"email\":\"\"}", "\"o-" + System.nanoTime() + "\"");

    try (Connection connection = database.getConnection();
        ResultSet row =
            connection
                .createStatement()
                .executeQuery("SELECT DISTINCT caller, operation FROM tenon.reply")) {
      assertThat(row.next()).isTrue();
      assertThat(row.getString(1)).isEqualTo("order");
      assertThat(row.getString(2)).isEqualTo("POST /users");
      assertThat(row.next()).isFalse();
    }
  }

  @Test
  void aDatabaseThatIsAwayIsToldWithWhenToComeAgain() throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create("http://" + port.address() + "/users/57"))
            .header("tenon-service", "order")
            .build();

    var answer = RAW.send(request, HttpResponse.BodyHandlers.ofString());

    assertThat(answer.statusCode()).isEqualTo(503);
    assertThat(answer.headers().firstValue("retry-after")).contains("1");
  }

  @Test
  void aRefusalIsKeptUnderItsKeyToo() throws Exception {
    String key = "\"r-" + System.nanoTime() + "\"";
    var first = post("{\"name\":\"taken\",\"email\":\"\"}", key);
    var again = post("{\"name\":\"taken\",\"email\":\"\"}", key);

    assertThat(first.statusCode()).isEqualTo(409);
    assertThat(again.statusCode()).isEqualTo(409);
    assertThat(again.headers().firstValue("idempotency-replayed")).contains("true");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "POST|/users|{\"name\":|400|body: not the expected JSON at byte",
        "POST|/users|{\"name\":\"a\",\"email\":\"b\",\"admin\":true}|400|body.admin: not known"
            + " here",
        "POST|/users|{\"name\":{}}|400|body.name: not of the expected type",
        "POST|/users||400|body: missing (expected: a value)",
        "GET|/users/x||400|id: unreadable (expected: long)",
        "GET|/users?max=x||400|max: unreadable (expected: int)",
        "DELETE|/users/1||400|if-match: missing (expected: a value)",
        "GET|/users/57||503|database-away",
        "GET|/nowhere||404|no-such-path",
        "PATCH|/users/1||405|no-such-method",
      })
  void badInputIsAnsweredWithAProblemThatNamesIt(
      String method, String path, @Nullable String body, int status, String expected)
      throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create("http://" + port.address() + path))
            .header("tenon-service", "order")
            .method(
                method,
                body == null
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body))
            .build();

    var answer = RAW.send(request, HttpResponse.BodyHandlers.ofString());

    assertThat(answer.statusCode()).isEqualTo(status);
    assertThat(answer.headers().firstValue("content-type")).contains("application/problem+json");
    assertThat(answer.body()).contains(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "tenon-timeout,soon,400,tenon-timeout: unreadable",
    "tenon-timeout,0m,504,deadline",
    "idempotency-key,\"open,400,Idempotency-Key",
  })
  void badHeadersAreAnsweredWithAProblemThatNamesThem(
      String name, String value, int status, String expected) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create("http://" + port.address() + "/users"))
            .header("tenon-service", "order")
            .header(name, value)
            .POST(HttpRequest.BodyPublishers.ofString("{\"name\":\"a\",\"email\":\"b\"}"))
            .build();

    var answer = RAW.send(request, HttpResponse.BodyHandlers.ofString());

    assertThat(answer.statusCode()).isEqualTo(status);
    assertThat(answer.body()).contains(expected);
  }

  @ParameterizedTest
  @CsvSource({"/users,soon,400", "/nowhere,5s,404", "/users/1/x,5s,404"})
  void aCallThatIsRefusedUnreadIsAnsweredWhenItsBodyHasCome(
      String path, String timeout, int status) {
    AtomicBoolean sent = new AtomicBoolean();
    var request =
        com.linecorp.armeria.common.HttpRequest.streaming(
            RequestHeaders.of(
                HttpMethod.POST, path, "tenon-service", "order", "tenon-timeout", timeout));
    request.write(HttpData.ofUtf8("{\"name\":"));

    var answer = WebClient.of("h2c://" + port.address()).execute(request).aggregate();
    var sentBefore = answer.thenApply(whole -> sent.get() ? whole.status().code() : -1);
    CompletableFuture.delayedExecutor(300, TimeUnit.MILLISECONDS)
        .execute(
            () -> {
              sent.set(true);
              request.close();
            });

    assertThat(sentBefore.join()).isEqualTo(status);
  }

  @Test
  void anInterfaceThatCannotBeServedIsRefusedAtOnce() {
    assertThatThrownBy(() -> RestService.of(UserApi.class, new Users()).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("UserApi.add is marked");
    assertThatThrownBy(() -> RestService.of(Runnable.class, () -> {}).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected: methods with @HttpExchange");
  }

  private static HttpResponse<String> post(String body, String key) throws Exception {
    return RAW.send(
        HttpRequest.newBuilder(URI.create("http://" + port.address() + "/users"))
            .header("tenon-service", "order")
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }
}
