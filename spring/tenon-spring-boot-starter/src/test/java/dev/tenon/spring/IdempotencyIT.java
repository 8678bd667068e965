package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.tenon.invocation.Idempotent;
import dev.tenon.runtime.Json;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Import;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.http.ResponseEntity;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

/** Requests with a key over real HTTP, with JPA and Security in between. */
class IdempotencyIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final HttpClient http = HttpClient.newHttpClient();
  private final Database database = postgres.freshDatabase("desk");
  private final DeskApplication.Levers levers =
      new DeskApplication.Levers(
          new SpiedDatabase(postgres.server(), database),
          new CountDownLatch(1),
          new CountDownLatch(1));
  private ConfigurableApplicationContext context;
  private String base;

  @BeforeEach
  void start() {
    context = run(DeskApplication.class);
    base = "http://127.0.0.1:" + context.getEnvironment().getProperty("local.server.port");
  }

  private ConfigurableApplicationContext run(Class<?> application) {
    return new SpringApplicationBuilder(application)
        .initializers(
            (GenericApplicationContext beans) ->
                beans.registerBean(DeskApplication.Levers.class, () -> levers))
        .properties(
            "server.port=0",
            "spring.main.banner-mode=off",
            "tenon.service=desk",
            "tenon.idempotency.reply-bytes-max=1KB",
            "tenon.idempotency.request-bytes-max=1KB")
        .run();
  }

  @AfterEach
  void stop() {
    context.close();
  }

  private static HttpRequest.BodyPublisher json(String product) {
    return HttpRequest.BodyPublishers.ofByteArray(Json.write(Map.of("product", product)));
  }

  private HttpRequest.Builder request(String path, String key) {
    return HttpRequest.newBuilder(URI.create(base + path))
        .header("Content-Type", "application/json")
        .header("Idempotency-Key", key);
  }

  private HttpResponse<String> send(HttpRequest.Builder request)
      throws IOException, InterruptedException {
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpResponse<String> buy(String key, String product)
      throws IOException, InterruptedException {
    return send(request("/purchases", key).POST(json(product)));
  }

  private List<String> bought() {
    return JdbcClient.create(postgres.dataSource(database))
        .sql("SELECT id FROM purchase")
        .query(String.class)
        .list();
  }

  private static void assertReplayed(HttpResponse<String> first, HttpResponse<String> second) {
    assertThat(first.headers().firstValue("Idempotency-Replayed")).isEmpty();
    assertThat(second.headers().firstValue("Idempotency-Replayed")).hasValue("true");
    assertThat(second.statusCode()).isEqualTo(first.statusCode());
    assertThat(second.body()).isEqualTo(first.body());
    for (String header : new String[] {"Content-Type", "Location"}) {
      assertThat(second.headers().firstValue(header)).isEqualTo(first.headers().firstValue(header));
    }
  }

  private static void assertProblem(HttpResponse<String> answer, int status, String reason) {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
    assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
    assertThat(Json.mapper().readTree(answer.body()).get("reason").asString()).isEqualTo(reason);
    assertThat(Json.mapper().readTree(answer.body()).get("status").asInt()).isEqualTo(status);
  }

  @Test
  void repeatsTheAnswerAndNotTheEffectInOneCommit() throws Exception {
    HttpResponse<String> first = buy("\"k-1\"", "lamp");
    HttpResponse<String> second =
        send(
            request("/purchases", "k-1")
                .POST(
                    HttpRequest.BodyPublishers.ofString(
                        "{ \"note\": null, \"product\":\"lamp\"}")));

    assertThat(first.statusCode()).isEqualTo(201);
    assertThat(first.headers().firstValue("Location").orElseThrow()).startsWith("/purchases/");
    assertThat(first.headers().firstValue("Set-Cookie")).hasValue("seen=yes");
    assertThat(first.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
    assertReplayed(first, second);
    assertThat(second.headers().firstValue("Set-Cookie")).isEmpty();
    assertThat(second.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
    assertThat(bought()).hasSize(1);
    assertThat(
            JdbcClient.create(postgres.dataSource(database))
                .sql("SELECT p.xmin = r.xmin FROM purchase p, tenon.reply r")
                .query(Boolean.class)
                .single())
        .as("written by one transaction")
        .isTrue();
  }

  @Test
  void storesRefusalsWithoutTheirEffects() throws Exception {
    for (Map.Entry<String, Integer> refusal : Map.of("sold-out", 409, "unknown", 404).entrySet()) {
      HttpResponse<String> first = buy(refusal.getKey(), refusal.getKey());
      HttpResponse<String> second = buy(refusal.getKey(), refusal.getKey());

      assertThat(first.statusCode()).isEqualTo(refusal.getValue());
      assertThat(first.headers().firstValue("Content-Type")).hasValue("application/problem+json");
      assertReplayed(first, second);
    }

    assertThat(bought()).isEmpty();
  }

  @Test
  void storesNothingOfFailuresAndLetsThemBeTriedAgain() throws Exception {
    for (Map.Entry<String, Integer> failure :
        Map.of("broken", 500, "busy", 429, "large", 500).entrySet()) {
      for (int attempt = 0; attempt < 2; attempt++) {
        HttpResponse<String> answer = buy(failure.getKey(), failure.getKey());

        assertThat(answer.statusCode()).as(failure.getKey()).isEqualTo(failure.getValue());
        assertThat(answer.headers().firstValue("Idempotency-Replayed")).isEmpty();
      }
      assertThat(buy(failure.getKey(), "lamp").statusCode()).isEqualTo(201);
    }

    assertThat(bought()).hasSize(3);
  }

  @Test
  void answersARepeatedRequestWhenTheConnectionBrokeDuringTheCommit() throws Exception {
    HttpResponse<String> lost = buy("k-1", "killed");
    assertProblem(lost, 503, "outcome-unknown");
    assertThat(lost.headers().firstValue("Retry-After")).hasValue("1");
    assertThat(bought()).isEmpty();

    assertThat(buy("k-1", "lamp").statusCode()).isEqualTo(201);
    assertThat(bought()).hasSize(1);
  }

  @Test
  void answers409WhileTheLikeIsRunning() throws Exception {
    CompletableFuture<HttpResponse<String>> slow =
        http.sendAsync(
            request("/purchases", "k-1").POST(json("slow")).build(),
            HttpResponse.BodyHandlers.ofString());
    assertThat(levers.running().await(60, TimeUnit.SECONDS)).isTrue();

    HttpResponse<String> second = buy("k-1", "slow");
    levers.mayEnd().countDown();

    assertProblem(second, 409, "still-running");
    assertThat(second.headers().firstValue("Retry-After")).hasValue("1");
    assertReplayed(slow.get(60, TimeUnit.SECONDS), buy("k-1", "slow"));
    assertThat(bought()).hasSize(1);
  }

  @Test
  void runsOneOfManyRequestsAtOnce() throws Exception {
    int keys = 10;
    List<Callable<HttpResponse<String>>> requests = new ArrayList<>();
    for (int i = 0; i < 8 * keys; i++) {
      String key = "many-" + i % keys;
      requests.add(() -> untilAnswered(key));
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(16)) {
      List<String> bodies = new ArrayList<>();
      for (Future<HttpResponse<String>> answer : threads.invokeAll(requests)) {
        assertThat(answer.get().statusCode()).isEqualTo(201);
        bodies.add(answer.get().body());
      }
      assertThat(bodies.stream().distinct()).hasSize(keys);
    }
    assertThat(bought()).hasSize(keys);
  }

  private HttpResponse<String> untilAnswered(String key) throws Exception {
    HttpResponse<String> answer = buy(key, "lamp");
    while (answer.statusCode() == 409) {
      answer = buy(key, "lamp");
    }
    return answer;
  }

  @Test
  void answers422ForAnotherRequestAnd410ForAForgottenKey() throws Exception {
    assertThat(buy("k-1", "lamp").statusCode()).isEqualTo(201);

    assertProblem(buy("k-1", "chair"), 422, "other-request");
    assertProblem(send(request("/purchases?now", "k-1").POST(json("lamp"))), 422, "other-request");

    JdbcClient.create(postgres.dataSource(database))
        .sql("UPDATE tenon.identity SET replies_forgotten_before = '2026-01-01'")
        .update();
    assertProblem(
        send(
            request("/purchases", "old")
                .header("Tenon-Key-Time", "2025-12-31T23:59:59Z")
                .POST(json("lamp"))),
        410,
        "forgotten");
    assertProblem(buy("01900000-0000-7000-8000-000000000001", "lamp"), 410, "forgotten");
    assertThat(bought()).hasSize(1);
  }

  @Test
  void answers400ForAMissingOrMalformedKey() throws Exception {
    HttpRequest.Builder without =
        HttpRequest.newBuilder(URI.create(base + "/purchases/1"))
            .PUT(HttpRequest.BodyPublishers.ofString("lamp"));

    assertProblem(send(without), 400, "key-missing");
    for (String key : new String[] {"a b", "\"open", "", "x".repeat(256)}) {
      assertProblem(buy(key, "lamp"), 400, "key-malformed");
    }
    assertProblem(
        send(request("/purchases", "k").header("Idempotency-Key", "l").POST(json("lamp"))),
        400,
        "key-malformed");
    assertProblem(
        send(request("/purchases", "k").header("Tenon-Key-Time", "noon").POST(json("lamp"))),
        400,
        "key-malformed");
    assertThat(bought()).isEmpty();
    assertThat(
            send(request("/purchases/1", "k").PUT(HttpRequest.BodyPublishers.ofString("lamp")))
                .statusCode())
        .isEqualTo(200);
  }

  @Test
  void answers413ForABodyOverTheLimitAnd415ForMultipart() throws Exception {
    assertProblem(buy("k", "x".repeat(1024)), 413, "too-large");
    assertProblem(
        send(
            request("/purchases", "k")
                .POST(
                    HttpRequest.BodyPublishers.ofInputStream(
                        () -> new ByteArrayInputStream(new byte[5000])))),
        413,
        "too-large");
    assertProblem(
        send(
            request("/form", "k")
                .setHeader("Content-Type", "multipart/form-data; boundary=x")
                .POST(HttpRequest.BodyPublishers.ofString("--x--"))),
        415,
        "multipart");
    assertThat(bought()).isEmpty();
  }

  @Test
  void keepsCallersApart() throws Exception {
    List<String> bodies = new ArrayList<>();
    for (String user : new String[] {"ann", "bob", "ann"}) {
      String credentials =
          Base64.getEncoder().encodeToString((user + ":x").getBytes(StandardCharsets.UTF_8));
      bodies.add(
          send(request("/purchases", "k-1")
                  .header("Authorization", "Basic " + credentials)
                  .POST(json("lamp")))
              .body());
    }
    bodies.add(buy("k-1", "lamp").body());

    assertThat(bodies.get(2)).isEqualTo(bodies.getFirst());
    assertThat(bodies.stream().distinct()).hasSize(3);
    assertThat(bought()).hasSize(3);
  }

  @Test
  void takesFormsAndLeavesOtherMethodsAlone() throws Exception {
    HttpRequest.Builder form =
        request("/form", "k")
            .setHeader("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString("product=lamp"));
    assertReplayed(send(form), send(form));
    assertProblem(
        send(form.POST(HttpRequest.BodyPublishers.ofString("product=chair"))),
        422,
        "other-request");

    HttpRequest.Builder plain =
        request("/plain", "k").POST(HttpRequest.BodyPublishers.ofString("lamp"));
    assertThat(send(plain).body()).isNotEqualTo(send(plain).body());
    assertThat(send(request("/purchases", "k").DELETE()).statusCode()).isEqualTo(405);
    assertThat(send(request("/nowhere", "k").DELETE()).statusCode()).isEqualTo(404);
    assertThat(bought()).hasSize(3);
  }

  @Test
  void refusesAsynchronousAnswers() throws Exception {
    assertThat(send(request("/async", "k").POST(json("lamp"))).statusCode()).isEqualTo(500);

    Throwable failure = catchThrowable(() -> run(Streaming.class).close());

    while (failure.getCause() != null && !(failure instanceof SetupException)) {
      failure = failure.getCause();
    }
    assertThat(failure)
        .isInstanceOf(SetupException.class)
        .hasMessageContaining("Later.later answers with CompletableFuture");
  }

  @Import(Later.class)
  static class Streaming extends DeskApplication {}

  @RestController
  static class Later {
    @Idempotent
    @PostMapping("/later")
    ResponseEntity<CompletableFuture<String>> later() {
      return ResponseEntity.ok(CompletableFuture.completedFuture("later"));
    }
  }
}
