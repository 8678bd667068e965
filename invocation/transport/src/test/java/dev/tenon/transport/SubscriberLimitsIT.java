package dev.tenon.transport;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.MessagingConfig;
import dev.tenon.messaging.Subscriptions;
import dev.tenon.messaging.Topic;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.runtime.Json;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.Transactions;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;

/** What a subscriber that may read can make a real publisher remember, over the wire. */
@Timeout(120)
class SubscriberLimitsIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final int SUBSCRIPTIONS_MAX = 2;

  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private HikariDataSource pool;
  private Messaging messaging;
  private TenonPort port;

  @BeforeEach
  void open() {
    Database database = postgres.freshDatabase("order");
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.jdbcUrl());
    config.setUsername(database.user());
    config.setPassword(database.password());
    pool = new HikariDataSource(config);
    messaging =
        Messaging.builder(Transactions.of(ServiceDatabase.builder("order", pool).open()))
            .topic(Topic.of("order-placed", "inventory", "payment"))
            .config(MessagingConfig.defaults().subscriptionsPerSubscriberMax(SUBSCRIPTIONS_MAX))
            .build();
    port = TenonPort.builder(ServiceIdentity.development("order")).open();
    port.serve(messaging.feedSource());
  }

  @AfterEach
  void close() {
    client.shutdownNow();
    port.close();
    messaging.close();
    pool.close();
  }

  private HttpResponse<InputStream> post(String path, String subscriber, String body)
      throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://" + port.address() + path))
            .header("content-type", "application/json")
            .header("tenon-service", subscriber)
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    return client.send(request, BodyHandlers.ofInputStream());
  }

  private HttpResponse<InputStream> open(String subscriber, String subscription, int slots)
      throws Exception {
    return post(
        FeedEndpoints.FEED,
        subscriber,
        """
        {"publisher": "order", "subscriber": "%s", "subscription": "%s",
         "topics": ["order-placed"], "slot": {"index": 0, "count": %d},
         "position": {"from": "beginning"}}
        """
            .formatted(subscriber, subscription, slots));
  }

  private HttpResponse<InputStream> report(String subscriber, String subscription, int slots)
      throws Exception {
    return post(
        FeedEndpoints.REPORT,
        subscriber,
        """
        {"publisher": "order", "subscriber": "%s", "subscription": "%s",
         "slot": {"index": 0, "count": %d}, "cursor": {"window": 0, "windowId": "%s"}}
        """
            .formatted(subscriber, subscription, slots, new UUID(0, 0)));
  }

  private static String refusal(HttpResponse<InputStream> response) throws Exception {
    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(response.headers().firstValue("content-type")).hasValue("application/problem+json");
    try (InputStream body = response.body()) {
      JsonNode problem = Json.mapper().readTree(body.readAllBytes());
      assertThat(problem.path("reason").stringValue()).isEqualTo("invalid");
      return problem.path("detail").stringValue();
    }
  }

  private static void accepted(int status, HttpResponse<InputStream> response) throws Exception {
    assertThat(response.statusCode()).isEqualTo(status);
    response.body().close();
  }

  @Test
  void refusesMoreSlotsThanASubscriptionMayHave() throws Exception {
    int most = FeedRequest.Slot.COUNT_MAX;

    accepted(200, open("inventory", "many", most));
    accepted(204, report("inventory", "many", most));
    for (int slots : new int[] {most + 1, Integer.MAX_VALUE}) {
      String said = "slot: 0/" + slots + " (expected: 0 <= index < count <= 256)";
      assertThat(refusal(open("inventory", "many", slots))).isEqualTo(said);
      assertThat(refusal(report("inventory", "many", slots))).isEqualTo(said);
    }
  }

  @Test
  void refusesNamesOfSubscriptionsThatAreNone() throws Exception {
    String rule = " (expected: letters, digits, '.', '_', '-', at most 100)";

    accepted(200, open("inventory", "a".repeat(100), 1));
    assertThat(refusal(open("inventory", "a".repeat(101), 1)))
        .isEqualTo("subscription: " + "a".repeat(101) + rule);
    assertThat(refusal(report("inventory", "a".repeat(10_000), 1)))
        .isEqualTo("subscription: " + "a".repeat(120) + rule);
    assertThat(refusal(report("inventory", "two words", 1)))
        .isEqualTo("subscription: two words" + rule);
  }

  @Test
  void refusesMoreSubscriptionsThanASubscriberMayHaveUntilOneIsForgotten() throws Exception {
    accepted(200, open("inventory", "one", 4));
    accepted(204, report("inventory", "two", 4));

    assertThat(refusal(open("inventory", "three", 4)))
        .isEqualTo(
            "Could not take a subscription [service=order, subscriber=inventory,"
                + " subscription=three]: the subscriber has 2 already, which is the limit"
                + " (subscriptionsPerSubscriberMax). Forget those that are no longer read, or"
                + " raise it.");
    assertThat(refusal(report("inventory", "three", 4))).contains("which is the limit");
    accepted(200, open("inventory", "two", 4));
    accepted(204, report("inventory", "one", 4));
    accepted(200, open("payment", "three", 4));
    assertThat(messaging.subscriptions().subscribers())
        .extracting(Subscriptions.Subscriber::subscription)
        .containsExactly("one", "two", "three");

    assertThat(messaging.subscriptions().forget("inventory", "one")).isEqualTo(1);
    accepted(200, open("inventory", "three", 4));
  }
}
