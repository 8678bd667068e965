package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.global.Branch;
import dev.tenon.global.Listing;
import dev.tenon.global.TryConfirmCancel;
import dev.tenon.global.Xid;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.http.HttpStatus;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/**
 * A Spring MVC controller under distributed transactions, as a service in any language calls it.
 */
class GlobalWebIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final HttpClient CLIENT = HttpClient.newHttpClient();
  private static ConfigurableApplicationContext desk;

  /** What is asked for. */
  public record Seat(String row, int number) {}

  @SpringBootConfiguration
  @EnableAutoConfiguration
  static class Application {
    @Bean
    Desk desk(JdbcTemplate jdbc) {
      return new Desk(jdbc);
    }

    @Bean
    SecurityFilterChain security(HttpSecurity http) throws Exception {
      return http.authorizeHttpRequests(all -> all.anyRequest().permitAll())
          .csrf(csrf -> csrf.disable())
          .build();
    }
  }

  /** Reserves seats. */
  @RestController
  static class Desk {
    private final JdbcTemplate jdbc;

    Desk(JdbcTemplate jdbc) {
      this.jdbc = jdbc;
    }

    /** Reserves. */
    @PostMapping("/seats")
    @TryConfirmCancel(confirm = "confirm", cancel = "cancel")
    public String reserve(@RequestBody Seat seat) {
      note("try " + seat.row());
      if (seat.number() > 9) {
        throw new ResponseStatusException(HttpStatus.CONFLICT, "There is no such seat.");
      }
      return "reserved";
    }

    /** Ends it well. */
    public void confirm(Seat seat) {
      note("confirm " + seat.row());
    }

    /** Gives it back. */
    public void cancel(Seat seat) {
      note("cancel " + seat.row());
    }

    /** Reads. */
    @GetMapping("/seats")
    public String look() {
      return "free";
    }

    private void note(String entry) {
      jdbc.update("INSERT INTO diary (entry) VALUES (?)", entry);
    }
  }

  @BeforeAll
  static void start() {
    desk = BootService.start(Application.class, "desk", postgres.freshDatabase("desk"));
    jdbc().execute("CREATE TABLE diary (id serial, entry text)");
  }

  @AfterAll
  static void stop() {
    desk.close();
  }

  private static JdbcTemplate jdbc() {
    return desk.getBean(JdbcTemplate.class);
  }

  private static List<String> diary(String row) {
    return jdbc()
        .queryForList(
            "SELECT entry FROM diary WHERE entry LIKE ? ORDER BY id", String.class, "% " + row);
  }

  private static String xid() {
    Instant now = Instant.now();
    return new Xid("order", "1f", now, now.plusSeconds(60), UUID.randomUUID()).text() + ".";
  }

  private static HttpRequest.Builder request(String path) {
    String port = desk.getEnvironment().getProperty("local.server.port");
    return HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
        .header("content-type", "application/json");
  }

  private static HttpResponse<String> send(HttpRequest.Builder request)
      throws IOException, InterruptedException {
    return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private static HttpResponse<String> reserve(String xid, String step, String body)
      throws IOException, InterruptedException {
    return send(
        request("/seats")
            .header("tenon-xid", xid)
            .header("tenon-step", step)
            .POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  private static HttpResponse<String> finish(String orders)
      throws IOException, InterruptedException {
    int port = desk.getBean(TenonNetwork.class).port().orElseThrow();
    return send(
        HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/tenon/global/v1/finish"))
            .header("content-type", "application/json")
            .header("tenon-service", "order")
            .POST(HttpRequest.BodyPublishers.ofString(orders)));
  }

  @Test
  void opensABranchOnceAndEndsItByOrder() throws Exception {
    String xid = xid();
    var first = reserve(xid, "1", "{\"row\":\"a\",\"number\":1}");
    var again = reserve(xid, "1", "{\"row\":\"a\",\"number\":1}");
    Branch branch =
        Listing.parse(first.headers().firstValue(Listing.HEADER).orElseThrow()).kept().getFirst();

    var finished =
        finish(
            ("{\"orders\":[{\"xid\":\"%s\",\"step\":\"1\",\"branch\":\"%s\","
                    + "\"outcome\":\"COMMITTED\"}]}")
                .formatted(xid, branch.id()));

    assertThat(first.body()).isEqualTo("reserved");
    assertThat(branch.service()).isEqualTo("desk");
    assertThat(again.headers().firstValue("idempotency-replayed")).contains("true");
    assertThat(again.headers().firstValue(Listing.HEADER))
        .isEqualTo(first.headers().firstValue(Listing.HEADER));
    assertThat(finished.body()).isEqualTo("{\"results\":[\"DONE\"]}");
    assertThat(diary("a")).containsExactly("try a", "confirm a");
  }

  @Test
  void aRefusalListsNothingAndLeavesNothing() throws Exception {
    var refused = reserve(xid(), "1", "{\"row\":\"b\",\"number\":10}");

    assertThat(refused.statusCode()).isEqualTo(409);
    assertThat(refused.headers().firstValue(Listing.HEADER)).contains("none");
    assertThat(diary("b")).isEmpty();
  }

  @Test
  void aStepThatWasAbortedIsRefusedWhenItComesLate() throws Exception {
    String xid = xid();
    var aborted =
        finish(
            "{\"orders\":[{\"xid\":\"%s\",\"step\":\"1\",\"outcome\":\"ABORTED\"}]}"
                .formatted(xid));
    var late = reserve(xid, "1", "{\"row\":\"c\",\"number\":1}");

    assertThat(aborted.body()).isEqualTo("{\"results\":[\"DONE\"]}");
    assertThat(late.statusCode()).isEqualTo(409);
    assertThat(late.body()).contains("transaction-over");
    assertThat(diary("c")).isEmpty();
  }

  @Test
  void readsListNothing() throws Exception {
    var look = send(request("/seats").header("tenon-xid", xid()).header("tenon-step", "1").GET());

    assertThat(look.body()).isEqualTo("free");
    assertThat(look.headers().firstValue(Listing.HEADER)).contains("none");
  }

  @Test
  void refusesWhatIsNotGenuineOrMalformed() throws Exception {
    assertThat(reserve("x.y", "1", "{\"row\":\"d\",\"number\":1}").body())
        .contains("xid-not-genuine");
    assertThat(reserve(xid() + "forged", "1", "{\"row\":\"d\",\"number\":1}").statusCode())
        .isEqualTo(403);
    assertThat(reserve(xid(), "1 2", "{\"row\":\"d\",\"number\":1}").body())
        .contains("step-malformed");
    assertThat(diary("d")).isEmpty();
  }

  @Test
  void wrongOrdersAreRefusedWithTheNameOfTheField() throws Exception {
    assertThat(finish("{}").body()).contains("orders: missing");
    assertThat(finish("{\"orders\":[{\"xid\":\"a.b\",\"step\":\"1\",\"outcome\":\"X\"}]}").body())
        .contains("outcome");
    assertThat(
            finish("{\"orders\":[{\"xid\":\"a.b\",\"step\":\"1\",\"outcome\":\"COMMITTED\"}]}")
                .statusCode())
        .isEqualTo(400);
  }
}
