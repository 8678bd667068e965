package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.web.SecurityFilterChain;

/** Spring MVC, Security, Actuator and Tenon in one application, and its database going away. */
class StarterIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.dedicated();

  private static final String TRACEPARENT =
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  private final HttpClient http = HttpClient.newHttpClient();

  @Configuration
  static class OpenForTheTest {
    @Bean
    SecurityFilterChain security(HttpSecurity security) throws Exception {
      return security
          .authorizeHttpRequests(
              requests ->
                  requests
                      .requestMatchers("/purchases", "/buy", "/actuator/**")
                      .permitAll()
                      .anyRequest()
                      .authenticated())
          .build();
    }
  }

  @Test
  void startsWithEverythingAnswers503WithoutItsDatabaseAndRecoversByItself() throws Exception {
    Database database = postgres.freshDatabase("shop");
    int port = PublishingIT.freePort();
    try (ConfigurableApplicationContext context = start(database, port)) {
      String base = "http://127.0.0.1:" + context.getEnvironment().getProperty("local.server.port");

      assertThat(get(base + "/buy").body()).isEqualTo("bought");
      assertThat(
              JdbcClient.create(postgres.dataSource(database))
                  .sql("SELECT headers FROM tenon.outbox")
                  .query(String.class)
                  .single())
          .contains(TRACEPARENT);
      assertThat(get(base + "/secret").statusCode()).isEqualTo(403);
      assertThat(get("http://127.0.0.1:" + port + "/").statusCode()).isEqualTo(404);
      await()
          .untilAsserted(
              () -> {
                HttpResponse<String> health = get(base + "/actuator/health");
                assertThat(health.statusCode()).isEqualTo(200);
                assertThat(health.body())
                    .contains(
                        "\"tenon\"",
                        "\"shop/default\":0",
                        "4 of 4 slots owned",
                        "\"held\":[]",
                        "\"parked\":\"0\"");
              });
      assertThat(get(base + "/actuator/metrics").body()).contains("tenon.");

      postgres.server().kill();
      for (String path : new String[] {"/purchases", "/buy"}) {
        HttpResponse<String> refused = get(base + path);
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.headers().firstValue("Content-Type"))
            .hasValue("application/problem+json");
        assertThat(refused.body()).contains("Database unavailable", "service shop");
      }
      assertThat(get(base + "/actuator/health").statusCode()).isEqualTo(503);

      postgres.server().restart();
      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(
              () -> {
                assertThat(get(base + "/purchases").body()).isEqualTo("1");
                assertThat(get(base + "/actuator/health").statusCode()).isEqualTo(200);
              });
    }
    assertThat(listening(port)).isFalse();
  }

  private ConfigurableApplicationContext start(Database database, int port) {
    return new SpringApplicationBuilder(ShopApplication.class, OpenForTheTest.class)
        .initializers(
            (GenericApplicationContext beans) ->
                beans.registerBean(
                    ShopApplication.Spy.class,
                    () -> new ShopApplication.Spy(new SpiedDatabase(postgres.server(), database))))
        .properties(
            "server.port=0",
            "spring.main.banner-mode=off",
            "management.endpoint.health.show-details=always",
            "management.endpoints.web.exposure.include=health,metrics",
            "tenon.service=shop",
            "tenon.dev=true",
            "tenon.messaging.retry-longest=1s",
            "tenon.port=" + port,
            "tenon.addresses.shop=127.0.0.1:" + port)
        .run();
  }

  private HttpResponse<String> get(String url) throws IOException, InterruptedException {
    return http.send(
        HttpRequest.newBuilder(URI.create(url)).header("traceparent", TRACEPARENT).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private static boolean listening(int port) {
    try (Socket open = new Socket("127.0.0.1", port)) {
      return open.isConnected();
    } catch (IOException e) {
      return false;
    }
  }
}
