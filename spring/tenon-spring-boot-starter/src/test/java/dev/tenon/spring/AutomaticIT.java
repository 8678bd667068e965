package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.global.Branch;
import dev.tenon.global.BranchKind;
import dev.tenon.global.Listing;
import dev.tenon.global.Xid;
import dev.tenon.invocation.Idempotent;
import dev.tenon.testing.database.Database;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.config.EnableJpaRepositories;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

/** A service that knows nothing of distributed transactions, but for one setting, is undone. */
class AutomaticIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final HttpClient CLIENT = HttpClient.newHttpClient();
  private static Database database;
  private static ConfigurableApplicationContext shop;

  @SpringBootConfiguration
  @EnableAutoConfiguration
  @EnableJpaRepositories(considerNestedRepositories = true, basePackageClasses = AutomaticIT.class)
  @Import({Shop.class, Web.class})
  static class Application {
    @Bean
    SecurityFilterChain security(HttpSecurity http) throws Exception {
      return http.authorizeHttpRequests(all -> all.anyRequest().permitAll())
          .csrf(csrf -> csrf.disable())
          .build();
    }
  }

  /** JPA's way to the table. */
  interface Purchases extends JpaRepository<Purchase, String> {}

  /** Business code. */
  @Service
  static class Shop {
    private final JdbcTemplate jdbc;
    private final Purchases purchases;
    private final PurchaseMapper mapper;

    Shop(JdbcTemplate jdbc, Purchases purchases, PurchaseMapper mapper) {
      this.jdbc = jdbc;
      this.purchases = purchases;
      this.mapper = mapper;
    }

    /** Changes a purchase, and adds one. */
    @Transactional
    public void change(String tool, String id) {
      switch (tool) {
        case "jdbc" -> {
          jdbc.update(
              "UPDATE purchase SET tool = ? WHERE id = ?", UUID.randomUUID().toString(), id);
          jdbc.update("INSERT INTO purchase VALUES (?, 'jdbc')", id + "-more");
        }
        case "jpa" -> {
          purchases.save(new Purchase(id, UUID.randomUUID().toString()));
          purchases.save(new Purchase(id + "-more", "jpa"));
        }
        default -> {
          jdbc.update("DELETE FROM purchase WHERE id LIKE ?", id + "%");
          mapper.insert(id + "-more", "mybatis");
        }
      }
    }
  }

  /** Its controller. */
  @RestController
  static class Web {
    private final Shop shop;

    Web(Shop shop) {
      this.shop = shop;
    }

    /** Has the answer stored. */
    @Idempotent
    @PostMapping("/stored/{tool}/{id}")
    String stored(@PathVariable String tool, @PathVariable String id) {
      shop.change(tool, id);
      return "changed";
    }

    /** Does not. */
    @PostMapping("/plain/{tool}/{id}")
    String plain(@PathVariable String tool, @PathVariable String id) {
      shop.change(tool, id);
      return "changed";
    }
  }

  @BeforeAll
  static void start() {
    database = postgres.freshDatabase("shop");
    shop = run("tenon.global.automatic-tables=purchase");
  }

  private static ConfigurableApplicationContext run(String... more) {
    return new SpringApplicationBuilder(Application.class)
        .properties(more)
        .properties(
            "spring.datasource.url=" + database.jdbcUrl(),
            "spring.datasource.username=" + database.user(),
            "spring.datasource.password=" + database.password(),
            "server.port=0",
            "tenon.service=shop",
            "tenon.dev=true",
            "tenon.port=0")
        .run();
  }

  @AfterAll
  static void stop() {
    shop.close();
  }

  private static JdbcTemplate jdbc() {
    return shop.getBean(JdbcTemplate.class);
  }

  private static List<String> purchases(String id) {
    return jdbc()
        .queryForList(
            "SELECT id || ' ' || tool FROM purchase WHERE id LIKE ? ORDER BY id",
            String.class,
            id + "%");
  }

  private static String xid() {
    Instant now = Instant.now();
    return new Xid("order", "1f", now, now.plusSeconds(60), UUID.randomUUID()).text() + ".";
  }

  private static HttpRequest.Builder request(String path) {
    String port = shop.getEnvironment().getProperty("local.server.port");
    return HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
        .POST(HttpRequest.BodyPublishers.noBody());
  }

  private static HttpResponse<String> send(HttpRequest.Builder request)
      throws IOException, InterruptedException {
    return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private static Branch branch(HttpResponse<String> answer) {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    String listing = answer.headers().firstValue(Listing.HEADER).orElseThrow();
    assertThat(Listing.parse(listing).kept()).hasSize(1);
    return Listing.parse(listing).kept().getFirst();
  }

  private static void finish(String xid, Branch branch, String outcome)
      throws IOException, InterruptedException {
    int port = shop.getBean(TenonNetwork.class).port().orElseThrow();
    String orders =
        "{\"orders\":[{\"xid\":\"%s\",\"step\":\"1\",\"branch\":\"%s\",\"outcome\":\"%s\"}]}"
            .formatted(xid, branch.id(), outcome);
    HttpResponse<String> answer =
        CLIENT.send(
            HttpRequest.newBuilder(
                    URI.create("http://localhost:" + port + "/tenon/global/v1/finish"))
                .header("content-type", "application/json")
                .header("tenon-service", "order")
                .POST(HttpRequest.BodyPublishers.ofString(orders))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    assertThat(answer.body()).isEqualTo("{\"results\":[\"DONE\"]}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"stored/jdbc", "stored/jpa", "stored/mybatis", "plain/jdbc", "plain/jpa"})
  void undoesAndConfirmsWhatACallHasWritten(String path) throws Exception {
    String id = path.replace('/', '-');
    jdbc().update("INSERT INTO purchase VALUES (?, 'first')", id);
    String aborted = xid();
    String committed = xid();

    Branch first =
        branch(
            send(
                request("/" + path + "/" + id)
                    .header("tenon-xid", aborted)
                    .header("tenon-step", "1")));
    assertThat(first.kind()).isEqualTo(BranchKind.AT);
    assertThat(purchases(id)).isNotEqualTo(List.of(id + " first"));
    HttpResponse<String> refused = send(request("/" + path + "/" + id));
    finish(aborted, first, "ABORTED");

    assertThat(refused.statusCode()).isEqualTo(503);
    assertThat(refused.body()).contains("row-locked");
    assertThat(purchases(id)).containsExactly(id + " first");
    Branch second =
        branch(
            send(
                request("/" + path + "/" + id)
                    .header("tenon-xid", committed)
                    .header("tenon-step", "1")));
    finish(committed, second, "COMMITTED");
    assertThat(purchases(id)).contains(id + "-more " + path.substring(path.indexOf('/') + 1));
    assertThat(jdbc().queryForList("SELECT hash FROM tenon.row_lock")).isEmpty();
  }

  @Test
  void refusesToStartWithATableThatCannotBeUndone() {
    assertThatThrownBy(() -> run("tenon.global.automatic-tables=received").close())
        .rootCause()
        .hasMessageContaining("public.received: it has no primary key. Give it one.");
  }
}
