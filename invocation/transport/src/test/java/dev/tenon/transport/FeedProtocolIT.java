package dev.tenon.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;
import dev.tenon.runtime.Json;
import java.io.DataInputStream;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Uses the port as docs/protocol.md tells a stranger to, with a plain HTTP/1.1 client. */
@Timeout(60)
class FeedProtocolIT {
  private static final String REQUEST =
      """
      {"publisher": "order", "subscriber": "inventory", "subscription": "orders",
       "topics": ["order-placed"], "slot": {"index": 0, "count": 1},
       "position": {"from": "beginning"}, "unknown": 1}
      """;
  private static final String CURSOR =
      "{\"window\": 7, \"windowId\": \"" + FakeFeedSource.WINDOW + "\"}";

  private final FakeFeedSource source = new FakeFeedSource("order");
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private TenonPort port;

  @BeforeEach
  void open() {
    port =
        TenonPort.builder(ServiceIdentity.development("order"))
            .heartbeat(Duration.ofMillis(50))
            .graceLimit(Duration.ofSeconds(1))
            .open();
    port.serve(source);
  }

  @AfterEach
  void close() {
    port.close();
    client.shutdownNow();
  }

  private HttpRequest.Builder to(String path) {
    return HttpRequest.newBuilder(URI.create("http://" + port.address() + path))
        .header("content-type", "application/json")
        .header("tenon-service", "inventory");
  }

  private HttpRequest post(String path, String body) {
    return to(path).POST(HttpRequest.BodyPublishers.ofString(body)).build();
  }

  private JsonNode problem(int status, HttpRequest request) throws Exception {
    HttpResponse<byte[]> response = client.send(request, BodyHandlers.ofByteArray());
    assertThat(response.statusCode())
        .as(new String(response.body(), StandardCharsets.UTF_8))
        .isEqualTo(status);
    assertThat(response.headers().firstValue("content-type")).hasValue("application/problem+json");
    JsonNode problem = Json.mapper().readTree(response.body());
    assertThat(problem.path("status").intValue()).isEqualTo(status);
    assertThat(problem.path("title").stringValue()).isNotEmpty();
    assertThat(problem.path("detail").stringValue()).isNotEmpty();
    return problem;
  }

  @Test
  void streamsFrames() throws Exception {
    source.appendMany(3, 5);

    HttpResponse<InputStream> response =
        client.send(post("/tenon/v1/feed", REQUEST), BodyHandlers.ofInputStream());

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("content-type"))
        .hasValue("application/vnd.tenon.feed");
    assertThat(response.headers().firstValueAsLong("tenon-heartbeat-millis")).hasValue(50);
    try (DataInputStream in = new DataInputStream(response.body())) {
      JsonNode header = Json.mapper().readTree(in.readNBytes(in.readInt()));
      String blob = new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
      assertThat(blob).isEqualTo("\"xxxxx\"".repeat(3));
      assertThat(header)
          .isEqualTo(
              Json.mapper()
                  .readTree(
                      """
                      {"end": {"window": 7, "windowId": "0198a000-0000-7000-8000-000000000001",
                               "seq": 3},
                       "lag": 0,
                       "messages": [
                         {"seq": 1, "id": "00000000-0000-0001-0000-000000000001",
                          "topic": "order-placed", "key": "key-1", "version": 1,
                          "createdAtMicros": 1793491200000000, "bytes": 7},
                         {"seq": 2, "id": "00000000-0000-0001-0000-000000000002",
                          "topic": "order-placed", "key": "key-2", "version": 1,
                          "createdAtMicros": 1793491200000000, "bytes": 7},
                         {"seq": 3, "id": "00000000-0000-0001-0000-000000000003",
                          "topic": "order-placed", "key": "key-3", "version": 1,
                          "createdAtMicros": 1793491200000000, "bytes": 7}]}
                      """));
      // A heartbeat is two zeros.
      assertThat(in.readLong()).isZero();
      assertThat(in.readLong()).isZero();
      source.failNext = Optional.of(new FeedException(Reason.UNKNOWN_POSITION, "dropped"));
      JsonNode last = Json.mapper().readTree(in.readNBytes(nonZero(in)));
      assertThat(last.path("problem").path("reason").stringValue()).isEqualTo("unknown-position");
      assertThat(last.path("problem").path("status").intValue()).isEqualTo(409);
      assertThat(in.readInt()).isZero();
      assertThat(in.read()).isEqualTo(-1);
    }
    await().until(() -> source.openStreams.get() == 0);
  }

  private static int nonZero(DataInputStream in) throws Exception {
    int length = in.readInt();
    while (length == 0) {
      length = in.readInt();
    }
    return length;
  }

  @Test
  void endsStreamsCleanlyWhenItStops() throws Exception {
    HttpResponse<InputStream> response =
        client.send(post("/tenon/v1/feed", REQUEST), BodyHandlers.ofInputStream());

    port.close();

    byte[] rest = response.body().readAllBytes();
    assertThat(rest.length % 8).isZero();
    assertThat(source.openStreams).hasValue(0);
  }

  @Test
  void closesTheStreamWhenTheReaderLeaves() throws Exception {
    HttpResponse<InputStream> response =
        client.send(post("/tenon/v1/feed", REQUEST), BodyHandlers.ofInputStream());
    assertThat(source.openStreams).hasValue(1);

    response.body().close();

    await().until(() -> source.openStreams.get() == 0);
  }

  @Test
  void takesReports() throws Exception {
    String report =
        """
        {"publisher": "order", "subscriber": "inventory", "subscription": "orders",
         "slot": {"index": 0, "count": 1}, "cursor": %s}
        """;

    HttpResponse<String> response =
        client.send(
            post("/tenon/v1/feed/report", report.formatted(CURSOR)), BodyHandlers.ofString());

    assertThat(response.statusCode()).isEqualTo(204);
    assertThat(source.reports).hasSize(1);
    assertThat(source.reports.getFirst().cursor())
        .isEqualTo(Cursor.endOf(7, FakeFeedSource.WINDOW));
    assertThat(problem(400, post("/tenon/v1/feed/report", report.formatted("{}"))).path("detail"))
        .hasToString("\"windowId: missing (expected: a string that is not empty)\"");
    assertThat(
            problem(
                    403,
                    post(
                        "/tenon/v1/feed/report",
                        report.formatted(CURSOR).replace("inventory", "payment")))
                .path("reason")
                .stringValue())
        .isEqualTo("forbidden");
  }

  @Test
  void tellsItsHealth() throws Exception {
    HttpRequest health = to("/tenon/v1/health").build();
    assertThat(client.send(health, BodyHandlers.ofString()).body())
        .isEqualTo("{\"status\":\"UP\"}");

    port.close();
    port = TenonPort.builder(ServiceIdentity.development("order")).open();
    HttpResponse<String> starting =
        client.send(to("/tenon/v1/health").build(), BodyHandlers.ofString());
    assertThat(starting.statusCode()).isEqualTo(503);
    assertThat(starting.body()).isEqualTo("{\"status\":\"OUT_OF_SERVICE\"}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{                        | x                | body: not JSON",
        "^.*$                     | []               | body: array (expected: a JSON object)",
        "^.*$                     | null             | body: null (expected: a JSON object)",
        "\"publisher\": \"order\" | \"p\": 1         | publisher: missing (expected: a string",
        "\"order\",               | \"payment\",     | publisher: payment (expected: order",
        "\"orders\"               | \"\"             | subscription: string (expected: a string",
        "[\"order-placed\"]       | []               | topics: none (expected: at least one)",
        "[\"order-placed\"]       | [7]              | topics: number (expected: a string",
        "[\"order-placed\"]       | 7                | topics: number (expected: an array)",
        "\"index\": 0             | \"index\": 1     | slot: 1/1 (expected: 0 <= index < count",
        "\"index\": 0             | \"index\": -1    | index: number (expected: a whole number",
        "\"count\": 1             | \"count\": 1e9   | count: number (expected: a whole number",
        "\"beginning\"            | \"end\"          | position.from: end (expected: beginning,",
        "\"beginning\"            | \"after\"        | position.cursors: 0 of them (expected: ex",
      })
  void saysWhatIsWrongWithARequest(String from, String to, String detail) throws Exception {
    String body =
        from.startsWith("^") ? to : REQUEST.replaceFirst(java.util.regex.Pattern.quote(from), to);

    JsonNode problem = problem(400, post("/tenon/v1/feed", body));

    assertThat(problem.path("reason").stringValue()).isEqualTo("invalid");
    assertThat(problem.path("detail").stringValue()).startsWith(detail);
    assertThat(source.requests).isEmpty();
  }

  @Test
  void limitsTheCursorsOfARequest() throws Exception {
    String known = "{\"from\": \"after-newest-known\", \"cursors\": [%s]}";
    String most = known.formatted((CURSOR + ",").repeat(999) + CURSOR);
    String more = known.formatted((CURSOR + ",").repeat(1000) + CURSOR);

    JsonNode problem =
        problem(400, post("/tenon/v1/feed", REQUEST.replace("{\"from\": \"beginning\"}", more)));
    assertThat(problem.path("detail").stringValue())
        .isEqualTo("position.cursors: more than 1000 (expected: at most 1000)");
    HttpResponse<InputStream> taken =
        client.send(
            post("/tenon/v1/feed", REQUEST.replace("{\"from\": \"beginning\"}", most)),
            BodyHandlers.ofInputStream());
    assertThat(taken.statusCode()).isEqualTo(200);
    taken.body().close();
  }

  @Test
  void refusesABodyThatIsTooLarge() throws Exception {
    String body = REQUEST + " ".repeat(PortLimits.defaults().requestBytesMax());

    assertThat(problem(413, post("/tenon/v1/feed", body)).path("reason").stringValue())
        .isEqualTo("too-large");
  }

  @Test
  void answersUnknownPathsAndMethodsWithProblems() throws Exception {
    assertThat(problem(404, to("/nothing").build()).path("reason").stringValue())
        .isEqualTo("no-such-path");
    assertThat(problem(405, to("/tenon/v1/feed").build()).path("reason").stringValue())
        .isEqualTo("no-such-method");
  }

  @Test
  void asksWhoIsThere() throws Exception {
    HttpRequest anonymous =
        HttpRequest.newBuilder(URI.create("http://" + port.address() + "/tenon/v1/feed"))
            .POST(HttpRequest.BodyPublishers.ofString(REQUEST))
            .build();

    assertThat(problem(401, anonymous).path("reason").stringValue()).isEqualTo("unauthenticated");
    assertThat(problem(403, post("/tenon/v1/feed/wake", "")).path("reason").stringValue())
        .isEqualTo("forbidden");
    assertThat(source.wakes).hasValue(0);
  }
}
