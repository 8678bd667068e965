package dev.tenon.global;

import static dev.tenon.global.StartingService.TIMEOUT;
import static dev.tenon.global.StartingService.branch;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.spi.TenonTables;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ForgettingIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final String CLOCK = "(SELECT now FROM public.clock)";
  private static final Duration KEEP = GlobalConfig.defaults().keep();

  private final FakeParticipants participants = new FakeParticipants();
  private StartingService order;
  private Forgetting forgetting;
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");

  @BeforeEach
  void open() {
    order =
        new StartingService(
            postgres.freshDatabase("order"),
            participants,
            pooling -> {},
            builder ->
                ((GlobalTransactionsBuilder) builder)
                    .databaseClock(CLOCK)
                    .runtime(TenonRuntime.system().withClock(() -> now)));
    order.execute("CREATE TABLE clock (now timestamptz)");
    order.execute("INSERT INTO clock VALUES ('" + now + "')");
    TenonTables tables = new TenonTables("tenon");
    GlobalParts parts =
        new GlobalParts(
            order.transactions,
            order.messaging,
            tables,
            participants,
            TestSigner.INSTANCE,
            GlobalConfig.defaults(),
            TenonRuntime.system(),
            new GlobalMetrics(new SimpleMeterRegistry()),
            CLOCK);
    forgetting =
        new Forgetting(parts, new DecisionStore(order.pool, tables, CLOCK, Duration.ofSeconds(1)));
  }

  @AfterEach
  void close() {
    order.close();
  }

  private void pass(Duration time) {
    now = now.plus(time);
    order.execute("UPDATE clock SET now = '" + now + "'");
  }

  private BranchAnswer inquire(SignedXid xid, UUID branch) {
    return order
        .global
        .endpoint()
        .inquire("stock", List.of(new BranchQuestion(xid.header(), branch)))
        .getFirst();
  }

  @Test
  void forgetsWhatIsAcknowledgedAndThenSaysThatItDoesNotKnow() throws SQLException {
    SignedXid[] xid = new SignedXid[1];
    Branch[] branch = new Branch[1];
    order.global.run(
        TIMEOUT,
        transaction -> {
          xid[0] = order.signed(transaction);
          branch[0] = branch("stock");
        });
    order.settle();
    pass(KEEP.minusHours(1));
    assertThat(forgetting.forget()).isZero();
    assertThat(inquire(xid[0], branch[0].id())).isEqualTo(BranchAnswer.COMMIT);

    pass(Forgetting.MARGIN.plusHours(1));
    assertThat(forgetting.forget()).isEqualTo(1);

    assertThat(inquire(xid[0], branch[0].id())).isEqualTo(BranchAnswer.UNKNOWN);
    assertThat(order.decisions()).isEmpty();
  }

  @Test
  void keepsWhatIsNotAcknowledged() throws SQLException {
    participants.down.add("stock");
    order.global.call(TIMEOUT, transaction -> branch("stock"));
    order.settle();
    pass(KEEP.multipliedBy(3));

    assertThat(forgetting.forget()).isZero();
    assertThat(order.decisions()).containsExactly("COMMITTED");
  }

  @Test
  void forgetsAnAbortAfterItsDeadlineAndDoesNotLetItCommitThen() throws SQLException {
    SignedXid[] xid = new SignedXid[1];
    order.global.run(TIMEOUT, transaction -> xid[0] = order.signed(transaction));
    pass(TIMEOUT.plusSeconds(1));
    assertThat(inquire(xid[0], UUID.randomUUID())).isEqualTo(BranchAnswer.ABORT);
    assertThat(order.decisions()).containsExactly("ABORTED");

    pass(KEEP.plus(Forgetting.MARGIN));
    assertThat(forgetting.forget()).isEqualTo(1);

    assertThat(inquire(xid[0], UUID.randomUUID())).isEqualTo(BranchAnswer.UNKNOWN);
    assertThat(order.store().abort(xid[0], List.of(), null)).isEmpty();
    assertThat(order.decisions()).isEmpty();
  }

  @Test
  void neverRaisesTheHorizonPastWhatMayStillCommit() throws SQLException {
    // the deadline of what may still commit is ahead by the machine's clock, too
    Xid running = saga("running", "RUNNING", null, Instant.now().plus(KEEP));

    forgetting.forget();

    assertThat(
            order.column(
                "SELECT forgotten_before = '"
                    + running.startedAt().minusMillis(1)
                    + "' FROM tenon.global_horizon"))
        .containsExactly("t");
  }

  @Test
  void deletesByTheSameRuleAsTheProtocol() throws SQLException {
    Instant start = now;
    Set<UUID> expected = new HashSet<>();
    pass(KEEP.multipliedBy(2));
    Instant horizon = now.minus(KEEP).minus(Forgetting.MARGIN);
    List<Duration> around = List.of(Duration.ofMillis(-1), Duration.ZERO, Duration.ofMillis(1));
    for (Outcome outcome : Outcome.values()) {
      for (Duration byHorizon : around) {
        for (Duration byDeadline : around) {
          for (Duration byAck : around) {
            Xid xid =
                new Xid(
                    "order",
                    "ab",
                    outcome == Outcome.COMMITTED ? horizon.plus(byHorizon) : start,
                    now.minus(KEEP).plus(byDeadline),
                    UUID.randomUUID());
            Instant acknowledged = now.minus(KEEP).plus(byAck);
            insert(xid, outcome, acknowledged);
            if (Protocol.mayForget(xid, outcome, Optional.of(acknowledged), now, horizon, KEEP)) {
              expected.add(xid.id());
            }
          }
        }
      }
    }

    List<String> all = order.column("SELECT xid FROM tenon.global_decision");
    int forgotten = forgetting.forget();

    assertThat(forgotten).isBetween(1, all.size() - 1).isEqualTo(expected.size());
    List<String> gone = new ArrayList<>(all);
    gone.removeAll(order.column("SELECT xid FROM tenon.global_decision"));
    assertThat(gone).map(UUID::fromString).containsExactlyInAnyOrderElementsOf(expected);
  }

  @Test
  void deletesSagasThatEndedLongAgoAndTheirSignals() throws SQLException {
    Instant old = now.minus(KEEP).minusMillis(1);
    saga("done", "DONE", old, old);
    saga("aborted", "ABORTED", old, old);
    saga("lately", "DONE", now.minus(KEEP).plusMillis(1), old);
    saga("before its deadline", "DONE", old, now.minus(KEEP).plusMillis(1));
    saga("parked", "PARKED", old, old);
    saga("running", "RUNNING", null, old);
    Xid decided = saga("decided", "ABORTED", old, old);
    order.execute(
        "INSERT INTO tenon.global_decision (xid, xid_text, outcome, branches, started_at, deadline)"
            + (" VALUES ('" + decided.id() + "', '', 'ABORTED', 'none', '" + old + "', '")
            + (old + "')"));

    Xid forward = saga("forward", "FORWARD", null, old);
    insert(forward, Outcome.COMMITTED, now.minus(KEEP.multipliedBy(2)));

    forgetting.forget();

    assertThat(order.decisions()).containsExactlyInAnyOrder("ABORTED", "COMMITTED");
    List<String> kept =
        List.of("before its deadline", "decided", "forward", "lately", "parked", "running");
    assertThat(order.column("SELECT id FROM tenon.saga ORDER BY id")).isEqualTo(kept);
    assertThat(order.column("SELECT name FROM tenon.saga_signal ORDER BY name")).isEqualTo(kept);
  }

  private Xid saga(String id, String state, @Nullable Instant ended, Instant deadline) {
    Xid xid = new Xid("order", "ab", now.minus(KEEP.multipliedBy(3)), deadline, UUID.randomUUID());
    String time = ended == null ? "NULL" : "'" + ended + "'";
    order.execute(
        "INSERT INTO tenon.saga (xid, xid_text, type, id, fingerprint, input, state, started_at,"
            + (" deadline, ended_at) VALUES ('" + xid.id() + "', '" + xid.text() + ".', 'place', '")
            + (id + "', '', 'null', '" + state + "', '" + xid.startedAt() + "', '" + deadline)
            + ("', " + time + ")"));
    order.execute(
        "INSERT INTO tenon.saga_signal (xid, name, payload) VALUES ('"
            + (xid.id() + "', '" + id + "', 'null')"));
    return xid;
  }

  private void insert(Xid xid, Outcome outcome, Instant acknowledged) {
    order.execute(
        "INSERT INTO tenon.global_decision (xid, xid_text, outcome, branches, started_at, deadline,"
            + " acknowledged_at) VALUES ('"
            + xid.id()
            + "', '"
            + xid.text()
            + ".', '"
            + outcome
            + "', 'none', '"
            + xid.startedAt()
            + "', '"
            + xid.deadline()
            + "', '"
            + acknowledged
            + "')");
  }
}
