package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.linecorp.armeria.client.WebClient;
import dev.tenon.testing.attack.Connections;
import dev.tenon.testing.attack.HostilePeer;
import dev.tenon.testing.attack.Result;
import dev.tenon.testing.attack.Result.End;
import dev.tenon.testing.database.PostgresExtension;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.coyote.AbstractProtocol;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.tomcat.TomcatWebServer;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

/** Slow and hostile peers of server.port: each is stopped, and the port answers others. */
@Timeout(180)
class WebLimitsIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final long MUCH = 64 << 20;
  private static final Duration PACE = Duration.ofMillis(50);
  private static final int AT_ONCE = 50;

  private static ConfigurableApplicationContext context;
  private static HostilePeer peer;

  @SpringBootConfiguration
  @EnableAutoConfiguration
  @Import(Web.class)
  static class Application {
    @Bean
    SecurityFilterChain everybody(HttpSecurity security) throws Exception {
      return security
          .csrf(csrf -> csrf.disable())
          .authorizeHttpRequests(requests -> requests.anyRequest().permitAll())
          .build();
    }
  }

  @RestController
  static class Web {
    @GetMapping("/alive")
    String alive() {
      return "alive";
    }

    @PostMapping("/length")
    String length(@RequestBody byte[] body) {
      return String.valueOf(body.length);
    }

    @PostMapping("/ignored")
    String ignored() {
      return "ignored";
    }
  }

  @BeforeAll
  static void start() {
    context =
        start(
            "tenon.limits.web-body-timeout=2s",
            "tenon.limits.request-timeout=2s",
            "tenon.limits.idle-timeout=2s",
            "tenon.limits.web-request-bytes-max=1MB");
    peer = HostilePeer.of("127.0.0.1", port(), "/length", "content-type: text/plain");
  }

  private static ConfigurableApplicationContext start(String... properties) {
    var database = postgres.freshDatabase("web");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--server.port=0",
                "--tenon.service=web",
                "--spring.datasource.url=" + database.jdbcUrl(),
                "--spring.datasource.username=" + database.user(),
                "--spring.datasource.password=" + database.password()));
    for (String property : properties) {
      arguments.add("--" + property);
    }
    return new SpringApplicationBuilder(Application.class).run(arguments.toArray(String[]::new));
  }

  @AfterAll
  static void stop() {
    context.close();
  }

  private static int port() {
    return Integer.parseInt(context.getEnvironment().getProperty("local.server.port"));
  }

  private static AbstractHttp11Protocol<?> protocol(ConfigurableApplicationContext of) {
    TomcatWebServer server =
        (TomcatWebServer) ((ServletWebServerApplicationContext) of).getWebServer();
    return (AbstractHttp11Protocol<?>) server.getTomcat().getConnector().getProtocolHandler();
  }

  private static HttpResponse<String> get(HttpClient client) throws Exception {
    return client.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + "/alive"))
            .timeout(Duration.ofSeconds(60))
            .build(),
        BodyHandlers.ofString());
  }

  @AfterEach
  void answersAtOnceAndHasLetGo() throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      assertThat(get(client).body()).isEqualTo("alive");
    }
    AbstractProtocol<?> protocol = protocol(context);
    // The acceptor counts the connection that it waits for.
    await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> assertThat(protocol.getConnectionCount()).isLessThanOrEqualTo(1));
  }

  @Test
  void speaksHttp2WithPriorKnowledge() {
    assertThat(WebClient.of("h2c://127.0.0.1:" + port()).blocking().get("/alive").contentUtf8())
        .isEqualTo("alive");
  }

  @Test
  void endsEndlessHeaders() throws Exception {
    Result result = peer.endlessHeaders(MUCH);

    assertThat(result.end()).isEqualTo(End.STOPPED);
    assertThat(result.sent()).isLessThan(MUCH / 4);
    assertThat(peer.endlessContinuation(MUCH).end()).isEqualTo(End.STOPPED);
  }

  @Test
  void endsSlowBodies() throws Exception {
    assertThat(HostilePeer.atOnce(AT_ONCE, () -> peer.slowBody(PACE, 10_000)))
        .allSatisfy(result -> assertThat(result.end()).isEqualTo(End.STOPPED))
        .anySatisfy(result -> assertThat(result.status()).isEqualTo(Optional.of(408)));
  }

  @Test
  void endsSlowBodiesThatNobodyReads() throws Exception {
    HostilePeer ignored = HostilePeer.of("127.0.0.1", port(), "/ignored");

    assertThat(HostilePeer.atOnce(AT_ONCE, () -> ignored.slowBody(PACE, 10_000)))
        .allSatisfy(result -> assertThat(result.end()).isEqualTo(End.STOPPED))
        .anySatisfy(result -> assertThat(result.status()).isEqualTo(Optional.of(200)));
  }

  @Test
  void refusesABodyThatIsTooLarge() throws Exception {
    Result result = peer.endlessBody(MUCH);

    assertThat(result.end()).isEqualTo(End.STOPPED);
    assertThat(result.sent()).isLessThan(MUCH / 4);
    try (HttpClient client = HttpClient.newHttpClient()) {
      for (HttpClient.Version version : HttpClient.Version.values()) {
        HttpRequest.Builder request =
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + "/length"))
                .version(version)
                .header("content-type", "application/octet-stream");
        assertThat(
                client
                    .send(
                        request
                            .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[1 << 20]))
                            .build(),
                        BodyHandlers.ofString())
                    .body())
            .isEqualTo("1048576");
      }
    }
  }

  @Test
  void endsAConnectionThatTakesItsRequestsBack() throws Exception {
    assertThat(peer.rapidResets(1_000_000).end()).isEqualTo(End.STOPPED);
  }

  @Test
  void endsFloodsThatOnlyMakeWork() throws Exception {
    assertThat(peer.pings(2_000_000).end()).isEqualTo(End.STOPPED);
    assertThat(peer.settings(2_000_000).end()).isEqualTo(End.STOPPED);
  }

  @Test
  void answersOthersWhileConnectionsSayNothingAndEndsThem() throws Exception {
    try (Connections connections = peer.connect(200);
        HttpClient client = HttpClient.newHttpClient()) {
      assertThat(get(client).body()).isEqualTo("alive");
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(() -> assertThat(connections.open()).isZero());
    }
  }

  @Test
  void leavesWhatTheApplicationHasSet() {
    assertThat(protocol(context).getMaxHttpRequestHeaderSize()).isEqualTo(16 << 10);
    assertThat(protocol(context).getConnectionTimeout()).isEqualTo(2000);
    try (ConfigurableApplicationContext other =
        start(
            "server.max-http-request-header-size=9KB",
            "server.tomcat.connection-timeout=7s",
            "server.tomcat.max-connections=77",
            "server.http2.enabled=false")) {
      assertThat(protocol(other).getMaxHttpRequestHeaderSize()).isEqualTo(9 << 10);
      assertThat(protocol(other).getConnectionTimeout()).isEqualTo(7000);
      assertThat(protocol(other).getMaxConnections()).isEqualTo(77);
      assertThat(protocol(other).findUpgradeProtocols()).isEmpty();
    }
  }
}
