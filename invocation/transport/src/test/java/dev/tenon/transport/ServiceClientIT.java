package dev.tenon.transport;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Route;
import dev.tenon.invocation.Call.Repeatable;
import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.CallPolicy;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.NotSentException;
import dev.tenon.invocation.Target;
import dev.tenon.invocation.UnknownOutcomeException;
import dev.tenon.invocation.spi.EndpointSource;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calls between real ports over real sockets. */
class ServiceClientIT {
  private static final ServiceIdentity STOCK = ServiceIdentity.development("stock");
  private static final ServiceIdentity SHOP = ServiceIdentity.development("shop");
  private static final Target TARGET = new Target("stock", "reserve");

  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }

  @Test
  void handsOnWhoCallsAndTheContext() throws Exception {
    TenonPort port = port((context, request) -> blocking(context, IncomingCall.of(context)));
    ServiceClient client = client(Calls.builder(to(port.address())).build());

    CallContext context = CallContext.EMPTY.withPrincipal("ann").withTraceparent("00-1-2-01");
    CallAnswer answer = context.call(() -> client.call(get(Repeatable.ALWAYS))).join();

    assertThat(answer.response().contentUtf8()).isEqualTo("shop ann 00-1-2-01 true true");
    assertThat(answer.attempts()).isEqualTo(1);
  }

  private static HttpResponse blocking(
      com.linecorp.armeria.server.ServiceRequestContext context, IncomingCall call) {
    CallContext carried = call.context();
    return HttpResponse.of(
        CompletableFuture.supplyAsync(
            () ->
                HttpResponse.of(
                    "%s %s %s %s %s"
                        .formatted(
                            call.caller(),
                            carried.principal().orElse(""),
                            carried.traceparent().orElse(""),
                            carried.deadline().isPresent(),
                            Thread.currentThread().isVirtual())),
            context.blockingTaskExecutor()));
  }

  @Test
  void goesToAnotherInstanceWhenOneIsNotThere() throws IOException {
    TenonPort port = port((context, request) -> HttpResponse.of("here"));
    ServiceClient client = client(Calls.builder(to(unusedAddress(), port.address())).build());

    for (int i = 0; i < 50; i++) {
      assertThat(client.call(get(Repeatable.IF_NOT_SENT)).join().response().contentUtf8())
          .isEqualTo("here");
    }
  }

  @Test
  void goesToAnotherInstanceWhenOneIsStopping() {
    TenonPort first = port((context, request) -> HttpResponse.of("first"));
    TenonPort second = port((context, request) -> HttpResponse.of("second"));
    ServiceClient client = client(Calls.builder(to(first.address(), second.address())).build());
    for (int i = 0; i < 20; i++) {
      client.call(get(Repeatable.IF_NOT_SENT)).join();
    }

    first.close();

    for (int i = 0; i < 50; i++) {
      assertThat(client.call(get(Repeatable.IF_NOT_SENT)).join().response().contentUtf8())
          .isEqualTo("second");
    }
  }

  @Test
  void saysThatNothingWasSentWhenNobodyIsThere() throws IOException {
    ServiceClient client = client(Calls.builder(to(unusedAddress())).build());

    NotSentException failure = failure(NotSentException.class, client, get(Repeatable.ALWAYS));

    assertThat(failure.reason()).isEqualTo(NotSentException.Reason.UNREACHABLE);
    assertThat(failure).hasMessageContaining("service=stock, operation=reserve");
  }

  @Test
  void saysThatNothingWasSentWhenACallCannotBeSigned(@TempDir Path directory) {
    TenonPort port = port((context, request) -> HttpResponse.of("here"));
    ServiceKeys.generate(directory, "shop");
    AtomicBoolean broken = new AtomicBoolean();
    ServiceIdentity shop =
        ServiceIdentity.load(
            "shop",
            ServiceKeys.privateKeyFile(directory, "shop"),
            directory.resolve(ServiceKeys.PUBLIC_KEYS_FILE),
            () -> {
              if (broken.get()) {
                throw new IllegalStateException("no clock");
              }
              return Instant.now();
            });
    ServiceClient client =
        ServiceClient.builder(shop, Calls.builder(to(port.address())).build()).build();
    open.add(client);

    broken.set(true);
    NotSentException failure = failure(NotSentException.class, client, get(Repeatable.NEVER));

    assertThat(failure).hasMessageContaining("it could not be made ready: no clock.");
    assertThat(failure.reason()).isEqualTo(NotSentException.Reason.UNREACHABLE);
  }

  @Test
  void namesTheKnownServicesWhenOneIsUnknown() {
    ServiceClient client =
        client(Calls.builder(EndpointSource.of(Map.of("user", List.of("host:1")))).build());

    NotSentException failure = failure(NotSentException.class, client, get(Repeatable.ALWAYS));

    assertThat(failure.reason()).isEqualTo(NotSentException.Reason.UNKNOWN_SERVICE);
    assertThat(failure).hasMessageContaining("known are [user]");
  }

  @Test
  void neverRepeatsWhatMayHaveBeenDone() {
    AtomicInteger asked = new AtomicInteger();
    TenonPort port =
        port(
            (context, request) -> {
              asked.incrementAndGet();
              return HttpResponse.ofFailure(new IllegalStateException("broken off"));
            });
    CallPolicy hasty = CallPolicy.defaults().withTimeout(Duration.ofSeconds(20));
    ServiceClient client = client(Calls.builder(to(port.address())).policy(hasty).build());

    int status = client.call(get(Repeatable.IF_NOT_SENT)).join().response().status().code();

    assertThat(status).isEqualTo(500);
    assertThat(asked).hasValue(1);
  }

  @Test
  void repeatsARepeatableCallThatIsAnswered503() {
    AtomicInteger asked = new AtomicInteger();
    TenonPort port =
        port(
            (context, request) ->
                asked.incrementAndGet() < 3
                    ? HttpResponse.of(HttpStatus.SERVICE_UNAVAILABLE)
                    : HttpResponse.of("at last"));
    ServiceClient client = client(Calls.builder(to(port.address())).build());

    CallAnswer answer = client.call(get(Repeatable.ALWAYS)).join();

    assertThat(answer.response().contentUtf8()).isEqualTo("at last");
    assertThat(answer.attempts()).isEqualTo(3);
  }

  @Test
  void reportsAnUnknownOutcomeWhenTheTimeIsUp() {
    TenonPort port = port((context, request) -> HttpResponse.streaming());
    CallPolicy hasty = CallPolicy.defaults().withTimeout(Duration.ofMillis(300));
    ServiceClient client = client(Calls.builder(to(port.address())).policy(hasty).build());

    UnknownOutcomeException failure =
        failure(UnknownOutcomeException.class, client, get(Repeatable.ALWAYS));

    assertThat(failure).hasMessageContaining("no answer came in time");
  }

  @Test
  void refusesAtOnceWhatIsOneCallTooMany() {
    CompletableFuture<String> later = new CompletableFuture<>();
    TenonPort port = port((context, request) -> HttpResponse.of(later.thenApply(HttpResponse::of)));
    CallPolicy one = CallPolicy.defaults().withCallsInFlightMax(1);
    ServiceClient client = client(Calls.builder(to(port.address())).policy(one).build());
    CompletableFuture<CallAnswer> first = client.call(get(Repeatable.ALWAYS));

    NotSentException failure = failure(NotSentException.class, client, get(Repeatable.ALWAYS));
    later.complete("done");

    assertThat(failure.reason()).isEqualTo(NotSentException.Reason.OVERLOADED);
    assertThat(first.join().response().contentUtf8()).isEqualTo("done");
    assertThat(client.call(get(Repeatable.ALWAYS)).join().response().status().code())
        .isEqualTo(200);
  }

  @Test
  void letsTheCallsInsideEndWhenThePortStops() {
    CompletableFuture<HttpResponse> later = new CompletableFuture<>();
    CompletableFuture<Void> inside = new CompletableFuture<>();
    TenonPort port =
        port(
            (context, request) -> {
              inside.complete(null);
              return HttpResponse.of(later);
            });
    ServiceClient client = client(Calls.builder(to(port.address())).build());
    CompletableFuture<CallAnswer> call = client.call(get(Repeatable.IF_NOT_SENT));
    inside.join();

    CompletableFuture<Void> closing = CompletableFuture.runAsync(port::close);
    later.complete(HttpResponse.of("done"));

    assertThat(call.join().response().contentUtf8()).isEqualTo("done");
    closing.join();
  }

  @Test
  void letsSlowCallsEndWhenOthersAreTurnedAwayOnTheirConnection() {
    CompletableFuture<Void> inside = new CompletableFuture<>();
    Executor later =
        CompletableFuture.delayedExecutor(4, TimeUnit.SECONDS, Thread::startVirtualThread);
    TenonPort first =
        port(
            (context, request) -> {
              inside.complete(null);
              return HttpResponse.of(
                  CompletableFuture.supplyAsync(() -> HttpResponse.of("done"), later));
            });
    CallPolicy patient = CallPolicy.defaults().withTimeout(Duration.ofMinutes(1));
    ServiceClient client = client(Calls.builder(to(first.address())).policy(patient).build());
    CompletableFuture<CallAnswer> call = client.call(get(Repeatable.IF_NOT_SENT));
    inside.join();

    CompletableFuture<Void> closing =
        CompletableFuture.runAsync(first::close, Thread::startVirtualThread);
    CompletableFuture<Void> refused = new CompletableFuture<>();
    await()
        .until(
            () -> {
              client
                  .call(get(Repeatable.IF_NOT_SENT))
                  .exceptionally(
                      failure -> {
                        refused.complete(null);
                        return null;
                      });
              return refused.isDone();
            });

    assertThat(call.join().response().contentUtf8()).isEqualTo("done");
    closing.join();
  }

  @Test
  void noCallFailsWhenAConnectionIsReplacedForItsAge() {
    Executor later =
        CompletableFuture.delayedExecutor(1500, TimeUnit.MILLISECONDS, Thread::startVirtualThread);
    Set<SocketAddress> connections = ConcurrentHashMap.newKeySet();
    TenonPort port =
        port(
            builder ->
                builder.limits(PortLimits.defaults().connectionAgeMax(Duration.ofSeconds(1))),
            (context, request) -> {
              connections.add(context.remoteAddress());
              return HttpResponse.of(
                  CompletableFuture.supplyAsync(() -> HttpResponse.of("done"), later));
            });
    CallPolicy patient = CallPolicy.defaults().withTimeout(Duration.ofMinutes(1));
    ServiceClient client = client(Calls.builder(to(port.address())).policy(patient).build());
    List<CompletableFuture<CallAnswer>> calls = new ArrayList<>();

    await()
        .pollInterval(Duration.ofMillis(10))
        .atMost(Duration.ofMinutes(1))
        .until(
            () -> {
              calls.add(client.call(get(Repeatable.IF_NOT_SENT)));
              return connections.size() > 3;
            });

    assertThat(calls)
        .allSatisfy(call -> assertThat(call.join().response().contentUtf8()).isEqualTo("done"));
  }

  @Test
  void saysThatItServesOnceItDoesAndUntilItStops() throws Exception {
    TenonPort port = TenonPort.builder(STOCK).open();
    open.add(port);

    assertThat(health(port)).isEqualTo(503);
    port.serve(List.of());
    assertThat(health(port)).isEqualTo(200);
    port.drain();
    assertThat(health(port)).isEqualTo(503);
  }

  private static int health(TenonPort port) throws Exception {
    URI health = URI.create("http://" + port.address() + "/tenon/v1/health");
    try (HttpClient http = HttpClient.newHttpClient()) {
      return http.send(
              HttpRequest.newBuilder(health).build(),
              java.net.http.HttpResponse.BodyHandlers.discarding())
          .statusCode();
    }
  }

  @Test
  void saysWhyItRefusesAndStaysAwayFromWhoeverDoes() {
    TenonPort starting = TenonPort.builder(STOCK).open();
    open.add(starting);
    TenonPort serving = port((context, request) -> HttpResponse.of("here"));
    ServiceClient client = client(Calls.builder(to(starting.address(), serving.address())).build());

    long attempts = 0;
    for (int i = 0; i < 20; i++) {
      attempts += client.call(get(Repeatable.IF_NOT_SENT)).join().attempts();
    }

    assertThat(attempts).isBetween(20L, 25L);
  }

  @Test
  void failsTheCallsUnderWayWhenItIsClosed() {
    CompletableFuture<Void> inside = new CompletableFuture<>();
    TenonPort port =
        port(
            (context, request) -> {
              inside.complete(null);
              return HttpResponse.streaming();
            });
    CallPolicy patient = CallPolicy.defaults().withTimeout(Duration.ofMinutes(10));
    ServiceClient client = client(Calls.builder(to(port.address())).policy(patient).build());
    CompletableFuture<CallAnswer> call = client.call(get(Repeatable.ALWAYS));
    inside.join();

    client.close();

    assertThat(call).failsWithin(Duration.ofSeconds(60));
  }

  private TenonPort port(HttpService service) {
    return port(UnaryOperator.identity(), service);
  }

  private TenonPort port(UnaryOperator<TenonPort.Builder> more, HttpService service) {
    TenonPort port =
        more.apply(TenonPort.builder(STOCK))
            .service(PortService.of(Set.of(Route.builder().path("/reserve").build()), service))
            .open();
    open.add(port);
    port.serve(List.of());
    return port;
  }

  private ServiceClient client(Calls calls) {
    ServiceClient client = ServiceClient.builder(SHOP, calls).build();
    open.add(client);
    return client;
  }

  private static EndpointSource to(String... addresses) {
    return EndpointSource.of(Map.of("stock", List.of(addresses)));
  }

  private static CallRequest get(Repeatable repeatable) {
    return CallRequest.of(
        TARGET,
        repeatable,
        RequestHeaders.of(HttpMethod.POST, "/reserve"),
        HttpData.wrap("x".getBytes(UTF_8)));
  }

  private static <E extends Throwable> E failure(
      Class<E> type, ServiceClient client, CallRequest request) {
    CompletionException failure =
        catchThrowableOfType(CompletionException.class, () -> client.call(request).join());
    assertThat(failure).hasCauseInstanceOf(type);
    return type.cast(failure.getCause());
  }

  private static String unusedAddress() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return "127.0.0.1:" + socket.getLocalPort();
    }
  }
}
