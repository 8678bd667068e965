package dev.tenon.cli;

import static java.util.Objects.requireNonNull;

import dev.tenon.runtime.Json;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/**
 * Talks to the services over HTTP as any client would: a request that gets no answer, or one that
 * says "not now", is sent again until it gets another, which is safe since all of them may be
 * repeated. Thread-safe.
 */
final class ServiceApi implements AutoCloseable {
  private static final Duration CONNECT_MAX = Duration.ofSeconds(2);
  private static final Duration PAUSE_MIN = Duration.ofMillis(100);
  private static final Duration PAUSE_MAX = Duration.ofSeconds(1);

  /** A service, or what is before it, says that it cannot answer now; 500 is a failure. */
  private static final Set<Integer> UNAVAILABLE = Set.of(502, 503, 504);

  private static final String ORDER_PENDING = "ORDER_PENDING";

  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT_MAX)
          .build();
  private final Map<String, List<String>> urls;
  private final Patience patience;
  private final AtomicLong repeats = new AtomicLong();
  private final AtomicInteger turn = new AtomicInteger();

  /**
   * How long it waits.
   *
   * @param answer how long a request is repeated: a service that is started again must be back by
   *     then
   * @param response how long an attempt waits for its response
   */
  record Patience(Duration answer, Duration response) {
    static final Patience USUAL = new Patience(Duration.ofMinutes(5), Duration.ofSeconds(20));
  }

  /**
   * Talks to services.
   *
   * @param urls where the instances of each are, by its name; they take turns
   */
  ServiceApi(Map<String, List<String>> urls, Patience patience) {
    this.urls = Map.copyOf(urls);
    this.patience = patience;
  }

  /** How often a request had to be sent again. */
  long repeats() {
    return repeats.get();
  }

  /** Whether an instance says that it is ready; never waits for long. */
  boolean ready(String url) throws InterruptedException {
    try {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(url + "/actuator/health")).timeout(CONNECT_MAX).build();
      return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Posts until there is an answer that says that it is done.
   *
   * @param accepted which statuses say so
   * @return what the answer says
   */
  JsonNode post(String service, String path, Object body, Set<Integer> accepted)
      throws InterruptedException {
    byte[] json = Json.write(body);
    HttpResponse<byte[]> response =
        exchange(
            service,
            path,
            request ->
                request
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofByteArray(json)));
    if (!accepted.contains(response.statusCode())) {
      throw refused(service, path, response);
    }
    return response.body().length == 0
        ? MissingNode.getInstance()
        : Json.mapper().readTree(response.body());
  }

  /** Whether an order of this customer still waits for its outcome. */
  boolean pendingOrders(String customer) throws InterruptedException {
    String path = "/orders?customer=" + URLEncoder.encode(customer, StandardCharsets.UTF_8);
    HttpResponse<byte[]> response = exchange("order", path, request -> request);
    if (response.statusCode() != 200) {
      throw refused("order", path, response);
    }
    for (JsonNode order : Json.mapper().readTree(response.body())) {
      if (order.path("status").asString("").equals("PENDING")) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void close() {
    client.shutdownNow();
    client.close();
  }

  private String url(String service) {
    List<String> instances = requireNonNull(urls.get(service), service);
    return instances.get(Math.floorMod(turn.getAndIncrement(), instances.size()));
  }

  private HttpResponse<byte[]> exchange(
      String service, String path, UnaryOperator<HttpRequest.Builder> request)
      throws InterruptedException {
    long started = System.nanoTime();
    String last = "";
    Duration pause = PAUSE_MIN;
    while (System.nanoTime() - started < patience.answer.toNanos()) {
      try {
        URI uri = URI.create(url(service) + path);
        HttpRequest.Builder next = HttpRequest.newBuilder(uri).timeout(patience.response);
        HttpResponse<byte[]> response =
            client.send(request.apply(next).build(), HttpResponse.BodyHandlers.ofByteArray());
        if (!repeatable(response)) {
          return response;
        }
        last = "status " + response.statusCode();
      } catch (IOException e) {
        last = String.valueOf(e.getMessage());
      }
      repeats.incrementAndGet();
      Thread.sleep(pause);
      pause = pause.multipliedBy(2).compareTo(PAUSE_MAX) < 0 ? pause.multipliedBy(2) : PAUSE_MAX;
    }
    throw new CliException(
        "Could not get an answer [service=%s, request=%s]: none within %s, at last %s."
            .formatted(service, path, patience.answer, last));
  }

  private static boolean repeatable(HttpResponse<byte[]> response) {
    return UNAVAILABLE.contains(response.statusCode())
        || (response.statusCode() == 409 && text(response).contains(ORDER_PENDING));
  }

  private static CliException refused(String service, String path, HttpResponse<byte[]> response) {
    return new CliException(
        "Could not send a request [service=%s, request=%s, status=%d]: %s"
            .formatted(service, path, response.statusCode(), text(response)));
  }

  private static String text(HttpResponse<byte[]> response) {
    return new String(response.body(), StandardCharsets.UTF_8);
  }
}
