package dev.tenon.global;

import static dev.tenon.global.StartingService.TIMEOUT;
import static dev.tenon.global.StartingService.branch;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.tenon.global.FakeParticipants.Told;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.runtime.Backoff;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class PhaseTwoIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final String NOW = "UPDATE tenon.global_decision SET next_at = clock_timestamp()";
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final FakeParticipants participants = new FakeParticipants();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private Database database;
  private StartingService order;

  @BeforeEach
  void open() {
    database = postgres.freshDatabase("order");
    order = service();
  }

  private StartingService service() {
    GlobalConfig config =
        new GlobalConfig(
            TIMEOUT,
            Duration.ofSeconds(1),
            Duration.ofDays(7),
            Duration.ofSeconds(5),
            new Backoff(Duration.ofMillis(50), Duration.ofMillis(200)),
            10,
            100);
    return new StartingService(
        database, participants, pooling -> {}, builder -> builder.config(config).meters(meters));
  }

  @AfterEach
  void close() {
    order.close();
  }

  @Test
  void tellsParticipantsInTheBackground() {
    order.global.start();

    for (int i = 0; i < 20; i++) {
      order.global.call(TIMEOUT, transaction -> List.of(branch("stock"), branch("wallet")));
    }

    await().atMost(PATIENCE).until(() -> order.acknowledged().size() == 20);
    assertThat(participants.told).hasSize(40);
  }

  @Test
  void goesOnUntilAParticipantIsBack() {
    participants.down.add("stock");
    order.global.start();
    order.global.call(TIMEOUT, transaction -> branch("stock"));
    await()
        .atMost(PATIENCE)
        .until(
            () -> meters.counter("tenon.global.unreachable", "participant", "stock").count() > 2);

    participants.down.clear();

    await().atMost(PATIENCE).until(() -> order.acknowledged().size() == 1);
  }

  @Test
  void batchesOrdersOfManyTransactions() {
    for (int i = 0; i < 250; i++) {
      order.global.call(TIMEOUT, transaction -> branch("stock"));
    }

    order.settle();

    assertThat(participants.batches).containsExactly(100, 100, 50);
    assertThat(order.column("SELECT count(DISTINCT xmin::text) FROM tenon.global_decision"))
        .as("commits of acknowledgements")
        .containsExactly("1");
  }

  @Test
  void takesOverFromAnInstanceThatDied() {
    participants.down.add("stock");
    order.global.start();
    order.global.call(TIMEOUT, transaction -> branch("stock"));
    order.pool.close(); // it can do nothing more, nor give up its lease
    participants.down.clear();

    try (StartingService other = service()) {
      other.global.start();

      await().atMost(PATIENCE).until(() -> other.acknowledged().size() == 1);
      assertThat(meters.counter("tenon.global.takeovers").count()).isPositive();
    }
  }

  @Test
  void leavesAloneWhatALivingInstanceOwns() {
    participants.down.add("stock");
    order.global.runPending();
    order.global.call(TIMEOUT, transaction -> branch("stock"));
    order.settle();
    order.execute("UPDATE tenon.global_instance SET lease_until = clock_timestamp() + '1 hour'");
    participants.down.clear();

    try (StartingService other = service()) {
      other.settle();
      assertThat(other.acknowledged()).isEmpty();

      order.execute(
          "UPDATE tenon.global_instance SET lease_until = clock_timestamp() - interval '1 s'"
              + " WHERE lease_until > clock_timestamp() + '1 minute'");
      other.settle();
      assertThat(other.acknowledged()).containsExactly("COMMITTED");
    }
  }

  @Test
  void goesOnAsANewInstanceWhenItsLeaseHasLapsed() {
    order.global.runPending();
    List<String> before = order.column("SELECT id FROM tenon.global_instance");
    order.execute(
        "UPDATE tenon.global_instance SET lease_until = clock_timestamp() - interval '1 s'");
    order.global.call(TIMEOUT, transaction -> branch("stock"));

    order.settle();

    assertThat(order.column("SELECT id FROM tenon.global_instance WHERE lease_until > now()"))
        .hasSize(1)
        .isNotEqualTo(before);
    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }

  @Test
  void undoesAStoredAbortBackwardsAndOneByOne() throws SQLException {
    SignedXid xid = signed();
    List<Branch> branches =
        List.of(saga("stock", "1"), saga("stock", "2"), saga("wallet", "3"), saga("stock", "4"));
    order.store().abort(xid, branches, UUID.randomUUID());

    order.settle();

    assertThat(participants.told)
        .containsExactlyElementsOf(
            branches.reversed().stream().map(b -> Told.of(b, Outcome.ABORTED)).toList());
    assertThat(order.acknowledged()).containsExactly("ABORTED");
  }

  @Test
  void waitsForAnUndoThatIsNotDoneBeforeItOrdersTheNext() throws SQLException {
    participants.answer =
        (service, told) -> told.step().equals("2") ? OrderResult.LATER : OrderResult.DONE;
    List<Branch> branches = List.of(saga("stock", "1"), saga("wallet", "2"));
    order.store().abort(signed(), branches, UUID.randomUUID());

    order.settle();
    assertThat(participants.told).extracting(Told::step).containsOnly("2");
    participants.answer = (service, told) -> OrderResult.DONE;
    order.execute(NOW);
    order.settle();

    assertThat(order.acknowledged()).containsExactly("ABORTED");
    assertThat(participants.told).last().isEqualTo(Told.of(branches.get(0), Outcome.ABORTED));
  }

  @Test
  void keepsWhatNeedsAPersonAndGoesOnWithTheOthers() {
    participants.answer =
        (service, told) -> service.equals("stock") ? OrderResult.PARKED : OrderResult.DONE;
    order.global.call(TIMEOUT, transaction -> List.of(branch("stock"), branch("wallet")));
    order.settle();

    assertThat(order.acknowledged()).isEmpty();
    assertThat(order.column("SELECT problem FROM tenon.global_decision"))
        .containsExactly("stock/1 PARKED");
    assertThat(order.column("SELECT next_at > now() + '1 minute' FROM tenon.global_decision"))
        .containsExactly("t");

    participants.answer = (service, told) -> OrderResult.DONE;
    order.execute(NOW);
    order.settle();
    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }

  @Test
  void doesNotMindAcknowledgementsThatComeTwice() {
    order.global.call(TIMEOUT, transaction -> branch("stock"));
    order.settle();
    List<String> first = order.column("SELECT acknowledged_at FROM tenon.global_decision");
    order.execute(
        "UPDATE tenon.global_decision SET acknowledged_at = NULL, owner = gen_random_uuid()");

    order.settle();

    assertThat(participants.told).hasSize(2);
    assertThat(order.column("SELECT acknowledged_at FROM tenon.global_decision"))
        .hasSize(1)
        .isNotEqualTo(first);
  }

  private SignedXid signed() throws SQLException {
    Instant now = Instant.now();
    return SignedXid.sign(
        new Xid(
            StartingService.NAME,
            order.store().incarnation(),
            now,
            now.plusSeconds(60),
            UUID.randomUUID()),
        TestSigner.INSTANCE);
  }

  private static Branch saga(String service, String step) {
    return new Branch(service, UUID.randomUUID(), BranchKind.SAGA, step);
  }
}
