package dev.tenon.global;

import static dev.tenon.global.StartingService.TIMEOUT;
import static dev.tenon.global.StartingService.branch;
import static dev.tenon.global.StartingService.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.RolledBackException;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class OutcomeIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final FakeParticipants participants = new FakeParticipants();
  private Database database;
  private StartingService order;

  /** How far this service's clock is behind the database's. */
  private volatile Duration behind = Duration.ZERO;

  @BeforeEach
  void open() {
    database = postgres.freshDatabase("order");
    TenonRuntime runtime = TenonRuntime.system().withClock(() -> Instant.now().minus(behind));
    order =
        new StartingService(
            database, participants, pooling -> {}, builder -> builder.runtime(runtime));
    order.execute("CREATE TABLE placed (number int)");
  }

  @AfterEach
  void close() {
    order.close();
  }

  private void place(GlobalTransactions.Action<IOException> before) throws IOException {
    order.global.run(
        TIMEOUT,
        transaction -> {
          branch("stock");
          before.run(transaction);
          order.transactions.run(unit -> write(unit, "INSERT INTO placed VALUES (1)"));
        });
  }

  private void assertTold(Told told, String reason, GlobalTransactions.Action<IOException> before) {
    assertThatThrownBy(() -> place(before))
        .isInstanceOfSatisfying(
            GlobalTransactionException.class, e -> assertThat(e.told()).isEqualTo(told))
        .hasMessageContaining(reason);
  }

  private BranchAnswer inquire(SignedXid xid, Branch branch) {
    return order
        .global
        .endpoint()
        .inquire("stock", List.of(new BranchQuestion(xid.header(), branch.id())))
        .getFirst();
  }

  private static Branch listed() {
    return Scope.current().orElseThrow().ledger().branches().getFirst();
  }

  @Test
  void answersAnInquiryBeforeTheDeadlineByPending() throws IOException {
    place(
        transaction ->
            assertThat(inquire(order.signed(transaction), listed()))
                .isEqualTo(BranchAnswer.PENDING));

    assertThat(order.decisions()).containsExactly("COMMITTED");
  }

  @Test
  void answersAnInquiryAfterTheCommitByWhatIsListed() throws IOException {
    SignedXid[] xid = new SignedXid[1];
    Branch[] branch = new Branch[1];

    place(
        transaction -> {
          xid[0] = order.signed(transaction);
          branch[0] = listed();
        });

    assertThat(inquire(xid[0], branch[0])).isEqualTo(BranchAnswer.COMMIT);
    Branch lost = new Branch("stock", UUID.randomUUID(), BranchKind.TCC, branch[0].step());
    assertThat(inquire(xid[0], lost)).isEqualTo(BranchAnswer.ABORT);
  }

  @Test
  void refusesTheCommitOfAStarterThatIsSlowerThanAnInquiryAfterTheDeadline() {
    behind = TIMEOUT.plusMinutes(1);

    assertTold(
        Told.ABORTED,
        "decided already",
        transaction ->
            assertThat(inquire(order.signed(transaction), listed())).isEqualTo(BranchAnswer.ABORT));

    assertThat(order.decisions()).containsExactly("ABORTED");
    assertThat(order.column("SELECT number FROM placed")).isEmpty();
  }

  @Test
  void refusesTheCommitPastTheDeadlineOfTheDatabasesClock() {
    behind = TIMEOUT.plusMinutes(1);

    assertTold(Told.ABORTED, "deadline has passed", transaction -> {});

    assertThat(order.decisions()).isEmpty();
  }

  @Test
  void makesAnInquiryWaitForAStarterThatIsCommitting() throws Exception {
    SignedXid[] xid = new SignedXid[1];
    CompletableFuture<Optional<Decision>> asked = new CompletableFuture<>();

    order.global.run(
        TIMEOUT,
        transaction -> {
          branch("stock");
          xid[0] = order.signed(transaction);
          order.transactions.run(
              unit ->
                  unit.beforeCommit(
                      connection -> {
                        Thread.startVirtualThread(() -> abort(xid[0], asked));
                        awaitLockWaiter();
                        assertThat(asked).isNotDone();
                      }));
        });

    assertThat(asked.get(60, TimeUnit.SECONDS).map(Decision::outcome)).contains(Outcome.COMMITTED);
    assertThat(order.decisions()).containsExactly("COMMITTED");
  }

  private void abort(SignedXid xid, CompletableFuture<Optional<Decision>> asked) {
    try {
      asked.complete(order.store().abort(xid, List.of(), null));
    } catch (SQLException e) {
      asked.completeExceptionally(e);
    }
  }

  private void awaitLockWaiter() {
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () -> {
              try (var connection = order.pool.getConnection();
                  var statement = connection.createStatement();
                  var row =
                      statement.executeQuery(
                          "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                              + " AND datname = current_database()")) {
                return row.next() && row.getInt(1) > 0;
              }
            });
  }

  @Test
  void refusesTheCommitUnderRepeatableReadToo() {
    try (StartingService strict =
        new StartingService(
            database,
            participants,
            pooling -> pooling.setTransactionIsolation("TRANSACTION_REPEATABLE_READ"),
            builder -> builder)) {
      strict.global.run(
          TIMEOUT,
          transaction -> {
            branch("stock");
            strict.transactions.run(unit -> write(unit, "INSERT INTO placed VALUES (1)"));
          });
      assertThatThrownBy(
              () ->
                  strict.global.run(
                      TIMEOUT,
                      transaction -> {
                        branch("stock");
                        strict.transactions.run(
                            unit -> {
                              write(unit, "INSERT INTO placed VALUES (2)"); // takes its snapshot
                              abort(strict.signed(transaction), new CompletableFuture<>());
                            });
                      }))
          .isInstanceOf(TransactionException.class);
      assertThatThrownBy(
              () ->
                  strict.global.run(
                      TIMEOUT,
                      transaction -> {
                        branch("stock");
                        strict.transactions.run(
                            unit -> {
                              write(unit, "INSERT INTO placed VALUES (3)");
                              raiseHorizon(Instant.now());
                            });
                      }))
          .isInstanceOf(TransactionException.class);

      assertThat(strict.column("SELECT number FROM placed")).containsExactly("1");
      assertThat(strict.decisions()).containsExactly("COMMITTED", "ABORTED");
    }
  }

  private void raiseHorizon(Instant to) {
    try (var connection = order.pool.getConnection();
        var statement = connection.createStatement()) {
      statement.execute("UPDATE tenon.global_horizon SET forgotten_before = '" + to + "'");
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void refusesTheCommitOfWhatMayBeForgotten() {
    assertTold(Told.ABORTED, "started too long ago", transaction -> raiseHorizon(Instant.now()));

    assertThat(order.decisions()).isEmpty();
  }

  @Test
  void refusesTheCommitInAnotherHistoryOfTheDatabase() {
    Xid other =
        new Xid("order", "ab", Instant.now(), Instant.now().plusSeconds(60), UUID.randomUUID());
    SignedXid signed = SignedXid.sign(other, TestSigner.INSTANCE);
    Branch branch = new Branch("stock", UUID.randomUUID(), BranchKind.TCC, "1");

    Protocol.CommitCheck[] check = new Protocol.CommitCheck[1];
    UUID instance = UUID.randomUUID();
    assertThatThrownBy(
            () ->
                order.transactions.<SQLException>run(
                    unit -> {
                      check[0] =
                          order
                              .store()
                              .commit(unit.connection(), signed, List.of(branch), instance);
                      unit.setRollbackOnly();
                    }))
        .isInstanceOf(RolledBackException.class);

    assertThat(check[0]).isEqualTo(Protocol.CommitCheck.OTHER_HISTORY);
  }

  @Test
  void findsOutWhatBecameOfACommitWhoseAnswerWasLost() throws IOException {
    assertTold(Told.COMMITTED, "is committed", tx -> order.line.next = CutLine.Cut.AFTER_COMMIT);
    assertThat(order.decisions()).containsExactly("COMMITTED");
    assertThat(order.column("SELECT number FROM placed")).containsExactly("1");

    assertTold(Told.ABORTED, "is aborted", tx -> order.line.next = CutLine.Cut.BEFORE_COMMIT);
    assertThat(order.decisions()).containsExactly("COMMITTED", "ABORTED");

    order.settle();
    assertThat(participants.told)
        .extracting(FakeParticipants.Told::outcome)
        .containsExactly(Outcome.COMMITTED, Outcome.ABORTED);
  }

  @Test
  void tellsThatItIsUnknownWhileTheDatabaseCannotBeReached() {
    assertTold(
        Told.UNKNOWN,
        "committed or aborted",
        transaction -> {
          order.line.next = CutLine.Cut.AFTER_COMMIT;
          order.line.downAfterCut = true;
        });
    order.line.down = false;

    assertThat(order.decisions()).containsExactly("COMMITTED");
    order.execute("UPDATE tenon.global_decision SET next_at = clock_timestamp()");
    order.settle();
    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }

  @Test
  void returnsTheAnswerOfWorkThatSwallowsAnUnknownOutcomeWhichWasCommitted() {
    int answer =
        order.global.call(
            TIMEOUT,
            transaction -> {
              branch("stock");
              order.line.next = CutLine.Cut.AFTER_COMMIT;
              try {
                order.transactions.run(unit -> write(unit, "INSERT INTO placed VALUES (1)"));
              } catch (UnknownCommitOutcomeException e) {
                return 3;
              }
              return 4;
            });

    assertThat(answer).isEqualTo(3);
    assertThat(order.decisions()).containsExactly("COMMITTED");
  }
}
