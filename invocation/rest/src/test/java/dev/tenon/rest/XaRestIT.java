package dev.tenon.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.tenon.global.BranchType;
import dev.tenon.global.XaBranch;
import dev.tenon.invocation.Problem;
import dev.tenon.invocation.RemoteProblemException;
import dev.tenon.testing.database.PostgresExtension;
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
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.service.annotation.HttpExchange;
import org.springframework.web.service.annotation.PostExchange;

/** XA branches of a service that is called over REST. */
class XaRestIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int TOO_MUCH = 100;
  private static final String PREPARED =
      "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";

  record Amount(int cents) {}

  record Done(String what) {}

  @HttpExchange("/bank")
  interface BankApi {
    @PostExchange("/charge")
    Done charge(@RequestBody Amount amount);
  }

  private static final BranchType<Amount> CHARGE = BranchType.xa("charge", Amount.class);

  private record Bank(GlobalService own) implements BankApi {
    @Override
    @XaBranch
    public Done charge(Amount amount) {
      own.note("charge " + amount.cents());
      own.global.participant().open(CHARGE, amount);
      if (amount.cents() > TOO_MUCH) {
        throw new RestException(Problem.of(422, "too-much", "There is not as much."));
      }
      if (amount.cents() < 0) {
        throw new IllegalStateException("broken");
      }
      return new Done("charged " + amount.cents());
    }
  }

  @TempDir Path keys;
  private GlobalService order;
  private GlobalService bank;
  private BankApi api;

  @BeforeEach
  void start() {
    ServiceKeys.generate(keys, "order", "bank");
    order = new GlobalService(postgres, ServiceIdentity.load("order", keys));
    bank = new GlobalService(postgres, ServiceIdentity.load("bank", keys));
    Map<String, List<String>> addresses =
        Map.of("order", List.of(order.port.address()), "bank", List.of(bank.port.address()));
    bank.start(
        addresses,
        List.of(CHARGE),
        own ->
            List.of(
                RestService.of(BankApi.class, new Bank(own))
                    .idempotent(own.messaging.receiver())
                    .participant(own.global.participant())
                    .build()));
    order.start(addresses, List.of(), own -> List.of());
    api = order.client("bank", BankApi.class);
  }

  @AfterEach
  void stop() {
    order.close();
    bank.close();
  }

  @Test
  void hidesWhatACallHasWrittenUntilTheTransactionIsCommitted() {
    order.global.run(
        LIMIT,
        transaction -> {
          assertThat(api.charge(new Amount(5))).isEqualTo(new Done("charged 5"));
          assertThat(bank.diary()).isEmpty();
          assertThat(bank.column(PREPARED)).hasSize(1);
          order.note("ordered");
        });

    assertThat(order.diary()).containsExactly("ordered");
    ended("charge 5");
  }

  @Test
  void rollsBackWhatACallHasWrittenWithTheTransaction() {
    assertThatThrownBy(
            () ->
                order.global.run(
                    LIMIT,
                    transaction -> {
                      api.charge(new Amount(5));
                      throw new IllegalStateException("changed my mind");
                    }))
        .hasMessage("changed my mind");

    ended();
  }

  @Test
  void goesOnAfterARefusalAndAFailureOfWhichNothingIsPrepared() {
    order.global.run(
        LIMIT,
        transaction -> {
          RemoteProblemException refusal =
              catchThrowableOfType(
                  RemoteProblemException.class, () -> api.charge(new Amount(TOO_MUCH + 1)));
          assertThat(refusal.status()).isEqualTo(422);
          assertThatThrownBy(() -> api.charge(new Amount(-1)))
              .isInstanceOf(RemoteProblemException.class);
          assertThat(bank.column(PREPARED)).isEmpty();
          api.charge(new Amount(7));
        });

    ended("charge 7");
  }

  private void ended(String... diary) {
    await().atMost(LIMIT).untilAsserted(() -> assertThat(bank.column(PREPARED)).isEmpty());
    assertThat(bank.diary()).containsExactly(diary);
  }
}
