package dev.tenon.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.tenon.testing.attack.Connections;
import dev.tenon.testing.attack.HostilePeer;
import dev.tenon.testing.attack.Result;
import dev.tenon.testing.attack.Result.End;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Slow and hostile peers of the Tenon port: each is stopped, and the port answers others. */
@Timeout(180)
class PortLimitsIT {
  private static final long MUCH = 64 << 20;
  private static final Duration PACE = Duration.ofMillis(50);
  private static final int AT_ONCE = 100;

  private final FakeFeedSource source = new FakeFeedSource("order");
  private TenonPort port;
  private HostilePeer peer;

  @BeforeEach
  void open() {
    port =
        TenonPort.builder(ServiceIdentity.development("order"))
            .limits(
                PortLimits.defaults()
                    .requestTimeout(Duration.ofSeconds(2))
                    .idleTimeout(Duration.ofSeconds(2))
                    .connectionsMax(150)
                    .connectionsPerAddressMax(120))
            .graceLimit(Duration.ofSeconds(1))
            .open();
    port.serve(source);
    peer = HostilePeer.of("127.0.0.1", port.port(), "/tenon/v1/feed", "tenon-service: inventory");
  }

  @AfterEach
  void answersAtOnceAndHasLetGo() throws Exception {
    try {
      try (HttpClient client = HttpClient.newHttpClient()) {
        HttpResponse<String> health =
            client.send(
                HttpRequest.newBuilder(URI.create("http://" + port.address() + "/tenon/v1/health"))
                    .timeout(Duration.ofSeconds(60))
                    .build(),
                BodyHandlers.ofString());
        assertThat(health.statusCode()).isEqualTo(200);
      }
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(() -> assertThat(port.connections()).isZero());
    } finally {
      port.close();
    }
  }

  @Test
  void endsEndlessHeaders() throws Exception {
    Result result = peer.endlessHeaders(MUCH);

    assertThat(result.end()).isEqualTo(End.STOPPED);
    assertThat(result.sent()).isLessThan(MUCH / 4);
    assertThat(peer.endlessContinuation(MUCH).end()).isEqualTo(End.STOPPED);
  }

  @Test
  void refusesTooManyAndTooLargeHeaders() throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      URI health = URI.create("http://" + port.address() + "/tenon/v1/health");
      HttpRequest.Builder many = HttpRequest.newBuilder(health);
      for (int i = 0; i < 130; i++) {
        many.header("x-" + i, "a");
      }
      for (HttpClient.Version version : HttpClient.Version.values()) {
        HttpResponse<String> tooMany =
            client.send(many.version(version).build(), BodyHandlers.ofString());
        assertThat(tooMany.statusCode()).isEqualTo(431);
        assertThat(tooMany.body()).contains("headers: too many (expected: at most 128)");
      }
      HttpResponse<String> tooLarge =
          client.send(
              HttpRequest.newBuilder(health)
                  .version(HttpClient.Version.HTTP_1_1)
                  .header("x-large", "a".repeat(17 << 10))
                  .build(),
              BodyHandlers.ofString());
      assertThat(tooLarge.statusCode()).isEqualTo(431);
      assertThat(tooLarge.body()).contains("\"reason\":\"too-large\"");
    }
  }

  @Test
  void endsSlowHeaders() throws Exception {
    assertThat(HostilePeer.atOnce(AT_ONCE, () -> peer.slowHeaders(PACE, 10_000)))
        .allSatisfy(result -> assertThat(result.end()).isEqualTo(End.STOPPED));
  }

  @Test
  void endsSlowBodiesAndAnswersOthersMeanwhile() throws Exception {
    assertThat(HostilePeer.atOnce(AT_ONCE, () -> peer.slowBody(PACE, 10_000)))
        .allSatisfy(result -> assertThat(result.end()).isEqualTo(End.STOPPED));
    assertThat(source.requests).isEmpty();
  }

  @Test
  void refusesABodyThatIsTooLargeBeforeItHasAllCome() throws Exception {
    Result result = peer.endlessBody(MUCH);

    assertThat(result.end()).isEqualTo(End.STOPPED);
    assertThat(result.sent()).isLessThan(MUCH / 4);
    assertThat(source.requests).isEmpty();
  }

  @Test
  void endsAConnectionThatTakesItsRequestsBack() throws Exception {
    Result result = peer.rapidResets(1_000_000);

    assertThat(result.end()).isEqualTo(End.STOPPED);
    assertThat(result.sent()).isLessThan(500_000);
  }

  @Test
  void endsFloodsThatOnlyMakeWork() throws Exception {
    assertThat(peer.pings(2_000_000).end()).isEqualTo(End.STOPPED);
    assertThat(peer.settings(2_000_000).end()).isEqualTo(End.STOPPED);
  }

  @Test
  void leavesAPeerThatKeepsTheLimitsAlone() throws Exception {
    try (TenonPort patient =
        TenonPort.builder(ServiceIdentity.development("order"))
            .heartbeat(Duration.ofMinutes(1)) // so that it does not ping back meanwhile
            .open()) {
      HostilePeer lively = HostilePeer.of("127.0.0.1", patient.port(), "/");

      assertThat(lively.pings(500).end()).isEqualTo(End.EXHAUSTED);
    }
  }

  @Test
  void limitsTheConnectionsOfOnePeer() throws Exception {
    try (Connections connections = peer.connect(140)) {
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(() -> assertThat(connections.open()).isLessThanOrEqualTo(120));
      // Those that say nothing are ended in time.
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(() -> assertThat(connections.open()).isZero());
    }
  }
}
