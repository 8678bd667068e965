package dev.tenon.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import dev.tenon.global.BranchType;
import dev.tenon.global.GlobalTransactionException;
import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.invocation.Call.Repeatable;
import dev.tenon.invocation.Idempotent;
import dev.tenon.invocation.NotSentException;
import dev.tenon.invocation.Problem;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.invocation.Target;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transport.CallRequest;
import dev.tenon.transport.ServiceIdentity;
import dev.tenon.transport.ServiceKeys;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.service.annotation.GetExchange;
import org.springframework.web.service.annotation.HttpExchange;
import org.springframework.web.service.annotation.PostExchange;

/** Distributed transactions of three services with keys, over REST and real databases. */
class GlobalRestIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Duration LIMIT = Duration.ofSeconds(60);

  record Units(String item, int count) {}

  record Amount(String from, int cents) {}

  record Done(String what) {}

  @HttpExchange("/stock")
  interface StockApi {
    @PostExchange("/reserve")
    @Idempotent
    Done reserve(@RequestBody Units units);

    /** Sells by a charge, which it asks the bank for. */
    @PostExchange("/sell")
    @Idempotent
    Done sell(@RequestBody Units units);

    @GetExchange("/{item}")
    Done look(@PathVariable String item);

    /** Opens no branch itself, and has the bank charge. */
    @PostExchange("/pass")
    Done pass(@RequestBody Amount amount);
  }

  @HttpExchange("/bank")
  interface BankApi {
    @PostExchange("/charge")
    @Idempotent
    Done charge(@RequestBody Amount amount);
  }

  private static final BranchType<Units> RESERVATION =
      BranchType.tcc(
          "reservation",
          Units.class,
          (units, unit) -> GlobalService.note(unit, "confirm " + units.item()),
          (units, unit) -> GlobalService.note(unit, "cancel " + units.item()));

  private static final BranchType<Amount> CHARGE =
      BranchType.saga(
          "charge",
          Amount.class,
          (amount, unit) -> GlobalService.note(unit, "refund " + amount.cents()));

  /** Owns stock. */
  private record Stock(GlobalService own, BankApi bank) implements StockApi {
    @Override
    public Done reserve(Units units) {
      own.note("try " + units.item());
      own.global.participant().open(RESERVATION, units);
      if (units.count() > 10) {
        throw new RestException(Problem.of(422, "sold-out", "There are not as many."));
      }
      if (units.count() < 0) {
        throw new IllegalStateException("broken");
      }
      return new Done("reserved " + units.item());
    }

    @Override
    public Done sell(Units units) {
      bank.charge(new Amount(units.item(), units.count()));
      return reserve(units);
    }

    @Override
    public Done look(String item) {
      return new Done(item);
    }

    @Override
    public Done pass(Amount amount) {
      return bank.charge(amount);
    }
  }

  /** Owns accounts. */
  private record Bank(GlobalService own) implements BankApi {
    @Override
    public Done charge(Amount amount) {
      own.note("charge " + amount.cents());
      own.global.participant().open(CHARGE, amount);
      return new Done("charged " + amount.cents());
    }
  }

  @TempDir Path keys;
  private GlobalService order;
  private GlobalService stock;
  private GlobalService bank;
  private StockApi stockApi;
  private BankApi bankApi;

  @BeforeEach
  void start() {
    ServiceKeys.generate(keys, "order", "stock", "bank");
    order = new GlobalService(postgres, ServiceIdentity.load("order", keys));
    stock = new GlobalService(postgres, ServiceIdentity.load("stock", keys));
    bank = new GlobalService(postgres, ServiceIdentity.load("bank", keys));
    Map<String, List<String>> addresses =
        Map.of(
            "order", List.of(order.port.address()),
            "stock", List.of(stock.port.address()),
            "bank", List.of(bank.port.address()));
    bank.start(
        addresses,
        List.of(CHARGE),
        own ->
            List.of(
                RestService.of(BankApi.class, new Bank(own))
                    .idempotent(own.messaging.receiver())
                    .participant(own.global.participant())
                    .build()));
    stock.start(
        addresses,
        List.of(RESERVATION),
        own ->
            List.of(
                RestService.of(StockApi.class, new Stock(own, own.client("bank", BankApi.class)))
                    .idempotent(own.messaging.receiver())
                    .participant(own.global.participant())
                    .build()));
    order.start(addresses, List.of(), own -> List.of());
    stockApi = order.client("stock", StockApi.class);
    bankApi = order.client("bank", BankApi.class);
  }

  @AfterEach
  void stop() {
    order.close();
    stock.close();
    bank.close();
  }

  @Test
  void commitsTriesAndStepsOfTwoServicesWithItsOwnRows() {
    order.global.run(
        LIMIT,
        transaction -> {
          assertThat(stockApi.look("lamp")).isEqualTo(new Done("lamp"));
          assertThat(stockApi.reserve(new Units("lamp", 2)).what()).isEqualTo("reserved lamp");
          bankApi.charge(new Amount("ann", 250));
          order.note("ordered");
        });

    assertThat(order.diary()).containsExactly("ordered");
    eventually(stock, "try lamp", "confirm lamp");
    eventually(bank, "charge 250");
    await().atMost(LIMIT).untilAsserted(() -> assertThat(open(bank)).isEmpty());
  }

  @Test
  void undoesAllWhenTheWorkFails() {
    assertThatThrownBy(
            () ->
                order.global.run(
                    LIMIT,
                    transaction -> {
                      stockApi.reserve(new Units("lamp", 2));
                      bankApi.charge(new Amount("ann", 250));
                      throw new IllegalStateException("changed my mind");
                    }))
        .hasMessage("changed my mind");

    eventually(stock, "try lamp", "cancel lamp");
    eventually(bank, "charge 250", "refund 250");
  }

  @Test
  void knowsTheBranchesOfCallsMadeInTurn() {
    order.global.run(
        LIMIT,
        transaction -> {
          stockApi.sell(new Units("lamp", 3));
          stockApi.pass(new Amount("ann", 4));
        });

    eventually(stock, "try lamp", "confirm lamp");
    await().atMost(LIMIT).untilAsserted(() -> assertThat(open(bank)).isEmpty());
    assertThat(bank.diary()).containsExactly("charge 3", "charge 4");
  }

  @Test
  void goesOnAfterARefusalAndUndoesWhatItHadCalledInTurn() {
    order.global.run(
        LIMIT,
        transaction -> {
          RemoteProblemException refusal =
              catchThrowableOfType(
                  RemoteProblemException.class, () -> stockApi.sell(new Units("lamp", 30)));
          assertThat(refusal.status()).isEqualTo(422);
          stockApi.reserve(new Units("pen", 1));
        });

    eventually(stock, "try pen", "confirm pen");
    eventually(bank, "charge 30", "refund 30");
  }

  @Test
  void goesOnAfterAFailureThatWasRolledBack() {
    order.global.run(
        LIMIT,
        transaction -> {
          assertThatThrownBy(() -> stockApi.reserve(new Units("lamp", -1)))
              .isInstanceOf(RemoteProblemException.class);
          stockApi.reserve(new Units("pen", 1));
        });

    eventually(stock, "try pen", "confirm pen");
  }

  @Test
  void forgetsACallThatWasNotSent() {
    stock.port.close();

    order.global.run(
        LIMIT,
        transaction -> {
          assertThatThrownBy(() -> stockApi.reserve(new Units("lamp", 1)))
              .isInstanceOf(NotSentException.class);
          bankApi.charge(new Amount("ann", 250));
        });

    await().atMost(LIMIT).untilAsserted(() -> assertThat(open(bank)).isEmpty());
    assertThat(bank.diary()).containsExactly("charge 250");
  }

  @Test
  void refusesACallThatComesAfterTheDecision() {
    GlobalTransactionException late =
        catchThrowableOfType(
            GlobalTransactionException.class,
            () ->
                order.global.run(
                    LIMIT,
                    transaction -> {
                      order.note("ordered");
                      stockApi.reserve(new Units("lamp", 1));
                    }));

    assertThat(late.told()).isEqualTo(Told.COMMITTED);
    assertThat(stock.diary()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "tenon-xid: order~1~1~9~00000000-0000-7000-8000-000000000000.AAAA, tenon-step: 1|403"
            + "|xid-not-genuine",
        "tenon-xid: nonsense, tenon-step: 1|403|xid-not-genuine",
        "tenon-xid: a.b|400|step-malformed",
        "tenon-step: 1|400|step-malformed",
        "tenon-xid: a.b, tenon-step: 1 2|400|step-malformed",
      })
  void refusesWhatIsNotGenuine(String headers, int status, String reason) {
    RequestHeadersBuilder request =
        RequestHeaders.builder(HttpMethod.POST, "/stock/reserve").contentType(MediaType.JSON);
    for (String header : headers.split(", ")) {
      String[] parts = header.split(": ");
      request.set(parts[0], parts[1]);
    }

    AggregatedHttpResponse answer =
        order
            .client
            .call(
                CallRequest.of(
                    new Target("stock", "reserve"),
                    Repeatable.NEVER,
                    request.build(),
                    HttpData.ofUtf8("{\"item\":\"lamp\",\"count\":1}")))
            .join()
            .response();

    assertThat(answer.status().code()).isEqualTo(status);
    assertThat(answer.contentUtf8()).contains(reason);
    assertThat(stock.diary()).isEmpty();
  }

  private static void eventually(GlobalService service, String... entries) {
    await().atMost(LIMIT).untilAsserted(() -> assertThat(service.diary()).containsExactly(entries));
  }

  private static List<String> open(GlobalService service) {
    return service.column("SELECT step FROM tenon.branch WHERE state = 'OPEN'");
  }
}
