package dev.tenon.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.tenon.certificates.CertificateFiles;
import dev.tenon.certificates.CertificateFiles.Existing;
import dev.tenon.global.BranchType;
import dev.tenon.global.GlobalTransactionException;
import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.global.Listing;
import dev.tenon.global.Xid;
import dev.tenon.invocation.Idempotent;
import dev.tenon.invocation.NotSentException;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.invocation.UnknownOutcomeException;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transport.ServiceIdentity;
import dev.tenon.transport.ServiceKeys;
import dev.tenon.transport.TenonPort;
import dev.tenon.transport.TlsFiles;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.service.annotation.GetExchange;
import org.springframework.web.service.annotation.HttpExchange;
import org.springframework.web.service.annotation.PostExchange;

/** What the network, and a port that does not let calls in, do to distributed transactions. */
@Timeout(300)
class GlobalFaultsIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** A participant that nobody reaches learns after the deadline that all is aborted. */
  private static final Duration SHORT = Duration.ofSeconds(20);

  record Units(String item) {}

  @HttpExchange("/stock")
  interface StockApi {
    @PostExchange("/reserve")
    @Idempotent
    String reserve(@RequestBody Units units);

    @GetExchange("/{item}")
    String look(@PathVariable String item);
  }

  private static final BranchType<Units> RESERVATION =
      BranchType.tcc(
          "reservation",
          Units.class,
          (units, unit) -> GlobalService.note(unit, "confirm " + units.item()),
          (units, unit) -> GlobalService.note(unit, "cancel " + units.item()));

  /** Owns stock. What is slow waits until it may go on. */
  private record Stock(GlobalService own, CountDownLatch mayGoOn) implements StockApi {
    @Override
    public String reserve(Units units) {
      own.note("try " + units.item());
      own.global.participant().open(RESERVATION, units);
      if (units.item().equals("slow")) {
        awaitRelease();
      }
      return "reserved";
    }

    @Override
    public String look(String item) {
      return item;
    }

    private void awaitRelease() {
      try {
        assertThat(mayGoOn.await(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private final List<AutoCloseable> open = new ArrayList<>();
  private final CountDownLatch mayGoOn = new CountDownLatch(1);
  private GlobalService stock;
  private GlobalService order;
  private StockApi stockApi;
  private LossyProxy proxy;

  private void start(ServiceIdentity starter, ServiceIdentity participant) throws Exception {
    order = new GlobalService(postgres, starter);
    stock = new GlobalService(postgres, participant);
    proxy = new LossyProxy(stock.port.port());
    open.addAll(List.of(order, stock, proxy));
    Map<String, List<String>> addresses =
        Map.of("order", List.of(order.port.address()), "stock", List.of(proxy.address()));
    stock.start(
        addresses,
        List.of(RESERVATION),
        own ->
            List.of(
                RestService.of(StockApi.class, new Stock(own, mayGoOn))
                    .idempotent(own.messaging.receiver())
                    .participant(own.global.participant())
                    .build()));
    order.start(addresses, List.of(), own -> List.of());
    stockApi = order.client("stock", StockApi.class);
  }

  private void startInDevelopment() throws Exception {
    start(ServiceIdentity.development("order"), ServiceIdentity.development("stock"));
  }

  @AfterEach
  void stop() throws Exception {
    mayGoOn.countDown();
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }

  /** Loses the answer to the reservation that comes next, once it is committed. */
  private void loseTheAnswer(LossyProxy.Mode then) {
    assertThat(stockApi.look("lamp")).isEqualTo("lamp"); // there is a connection now
    proxy.become(LossyProxy.Mode.LOSE_ANSWERS);
    Thread.ofVirtual()
        .start(
            () -> {
              await().atMost(LIMIT).until(() -> stock.diary().contains("try lamp"));
              try {
                proxy.cut(then);
              } catch (IOException e) {
                throw new IllegalStateException(e);
              }
            });
  }

  @Test
  void aRepetitionUnderTheSameStepGetsTheReplyThatWasLost() throws Exception {
    startInDevelopment();

    order.global.run(
        LIMIT,
        transaction -> {
          loseTheAnswer(LossyProxy.Mode.PASS);
          assertThat(stockApi.reserve(new Units("lamp"))).isEqualTo("reserved");
          order.note("ordered");
        });

    assertThat(order.diary()).containsExactly("ordered");
    eventually("try lamp", "confirm lamp");
  }

  @Test
  void aReplyThatStaysLostMakesItRollbackOnly() throws Exception {
    startInDevelopment();

    GlobalTransactionException aborted =
        catchThrowableOfType(
            GlobalTransactionException.class,
            () ->
                order.global.run(
                    SHORT,
                    transaction -> {
                      loseTheAnswer(LossyProxy.Mode.REFUSE);
                      assertThatThrownBy(() -> stockApi.reserve(new Units("lamp")))
                          .isInstanceOf(UnknownOutcomeException.class);
                      order.note("ordered");
                    }));
    proxy.become(LossyProxy.Mode.PASS);

    assertThat(aborted.told()).isEqualTo(Told.ABORTED);
    assertThat(aborted).hasMessageContaining("to stock has no definite answer");
    assertThat(order.diary()).isEmpty();
    eventually("try lamp", "cancel lamp");
  }

  @Test
  void anErrorOfThePortItselfMakesItRollbackOnly(@TempDir Path keys) throws Exception {
    ServiceKeys.generate(keys, "stock");
    start(ServiceIdentity.development("order"), ServiceIdentity.load("stock", keys));

    GlobalTransactionException aborted =
        catchThrowableOfType(
            GlobalTransactionException.class,
            () ->
                order.global.run(
                    LIMIT,
                    transaction -> {
                      assertThatThrownBy(() -> stockApi.look("lamp"))
                          .isInstanceOfSatisfying(
                              RemoteProblemException.class,
                              e -> assertThat(e.status()).isEqualTo(401));
                      order.note("ordered");
                    }));

    assertThat(aborted.told()).isEqualTo(Told.ABORTED);
    assertThat(aborted).hasMessageContaining("to stock has no definite answer");
    assertThat(order.diary()).isEmpty();
  }

  @Test
  void aPortThatHasDoneNothingLeavesItAsItIs() throws Exception {
    startInDevelopment();
    stock.port.drain();

    order.global.run(
        LIMIT,
        transaction -> {
          assertThatThrownBy(() -> stockApi.reserve(new Units("lamp")))
              .isInstanceOf(NotSentException.class);
          order.note("ordered");
        });

    assertThat(order.diary()).containsExactly("ordered");
    assertThat(stock.diary()).isEmpty();
  }

  @Test
  void answersOfThePortItselfListNothing() throws Exception {
    startInDevelopment();
    try (TenonPort starting = TenonPort.builder(ServiceIdentity.development("stock")).open()) {
      String address = stock.port.address();
      HttpResponse<String> unknown = post(address, xid(), "x-nobody", "order");
      HttpResponse<String> late = post(address, xid(), "tenon-timeout", "1n");
      HttpResponse<String> slow = post(address, xid(), "tenon-timeout", "2S");
      HttpResponse<String> early = post(starting.address(), xid(), "x-nothing", "1");

      assertThat(unknown.statusCode()).isEqualTo(401);
      assertThat(late.statusCode()).isEqualTo(504);
      assertThat(slow.statusCode()).isEqualTo(504);
      assertThat(early.statusCode()).isEqualTo(503);
      assertThat(early.headers().firstValue("tenon-refused")).contains("starting");
      assertThat(List.of(unknown, late, slow, early))
          .allSatisfy(answer -> assertThat(answer.headers().firstValue(Listing.HEADER)).isEmpty());
    }
  }

  @Test
  void refusesACallThatComesAfterTheDeadline() throws Exception {
    startInDevelopment();
    Instant past = Instant.now().minusSeconds(600);
    String xid = new Xid("order", "1f", past, past.plusSeconds(1), UUID.randomUUID()).text() + ".";

    HttpResponse<String> late = post(stock.port.address(), xid, "x-nothing", "1");

    assertThat(late.statusCode()).isEqualTo(410);
    assertThat(late.body()).contains("transaction-too-late");
    assertThat(late.headers().firstValue(Listing.HEADER)).contains("none");
    assertThat(stock.diary()).isEmpty();
  }

  @Test
  void believesAStarterByItsKeysWhateverTheCertificateOfWhoCalls(
      @TempDir Path keys, @TempDir Path certificates) throws Exception {
    ServiceKeys.generate(keys, "order", "stock", "bank");
    for (String each : List.of("order", "stock", "bank")) {
      CertificateFiles.in(certificates).issue(each, Duration.ofDays(1), Existing.KEEP, List.of());
    }
    ServiceIdentity old = certified("order", keys, certificates);
    start(old, certified("stock", keys, certificates));
    order.global.run(
        LIMIT,
        transaction -> {
          stockApi.reserve(new Units("lamp"));
          order.note("ordered");
        });
    eventually("try lamp", "confirm lamp");

    ServiceKeys.generate(keys, "order");
    ServiceIdentity fresh = certified("order", keys, certificates);
    ServiceIdentity bank = certified("bank", keys, certificates);
    GlobalService caller = new GlobalService(postgres, bank);
    open.add(caller);
    caller.start(Map.of("stock", List.of(proxy.address())), List.of(), own -> List.of());

    assertThat(look(caller, signed(old))).isEqualTo(200);
    await().atMost(LIMIT).until(() -> look(caller, signed(fresh)) == 200);
    assertThat(look(caller, signed(bank))).isEqualTo(403);
    assertThat(look(caller, xid())).isEqualTo(403);
    ServiceKeys.generate(keys, "order");
    ServiceKeys.generate(keys, "order");
    await().atMost(LIMIT).until(() -> look(caller, signed(old)) == 403);
    assertThat(look(caller, signed(fresh))).isEqualTo(200);
  }

  private static ServiceIdentity certified(String service, Path keys, Path certificates) {
    return ServiceIdentity.load(service, keys).withTls(TlsFiles.in(certificates, service));
  }

  /** An xid that is not signed. */
  private static String xid() {
    return text() + ".";
  }

  private static String signed(ServiceIdentity by) {
    String text = text();
    return text + "." + by.xidSigner().sign(text);
  }

  private static String text() {
    Instant now = Instant.now();
    return new Xid("order", "1f", now, now.plusSeconds(600), UUID.randomUUID()).text();
  }

  private static int look(GlobalService caller, String xid) {
    return caller.status("stock", "/stock/lamp", "tenon-xid", xid, "tenon-step", "1");
  }

  /** A reservation as a service in any language asks for it. */
  private static HttpResponse<String> post(String address, String xid, String header, String value)
      throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://" + address + "/stock/reserve"))
            .header("content-type", "application/json")
            .header("tenon-xid", xid)
            .header("tenon-step", "1")
            .header(header, value)
            .POST(HttpRequest.BodyPublishers.ofString("{\"item\":\"slow\"}"));
    if (!header.equals("x-nobody")) {
      request.header("tenon-service", "order");
    }
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(request.build(), BodyHandlers.ofString());
    }
  }

  private void eventually(String... entries) {
    await().atMost(LIMIT).untilAsserted(() -> assertThat(stock.diary()).containsExactly(entries));
  }
}
