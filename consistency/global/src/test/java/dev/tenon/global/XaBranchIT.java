package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.global.StockService.Clock;
import dev.tenon.global.StockService.Units;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.RefusalException;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.testing.database.PostgresServer;
import dev.tenon.transaction.TransactionException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class XaBranchIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Units LAMPS = new Units("lamp", 2);
  private static final int WAITING = 3;

  private final Clock clock = new Clock();
  private final FakeStarter starter = new FakeStarter();
  private Database database;
  private StockService stock;

  @BeforeEach
  void start() {
    database = postgres.freshDatabase(StockService.NAME);
    stock = service();
    stock.execute(StockService.TABLES);
  }

  private StockService service() {
    return new StockService(database, clock, Optional.of(starter));
  }

  @AfterEach
  void stop() throws SQLException {
    for (String gid : stock.prepared()) {
      inAutoCommit("ROLLBACK PREPARED '" + gid + "'");
    }
    stock.close();
  }

  private void inAutoCommit(String sql) throws SQLException {
    try (Connection connection = stock.transactions.database().dataSource().getConnection();
        Statement statement = connection.createStatement()) {
      connection.setAutoCommit(true);
      statement.execute(sql);
    }
  }

  /** Another process takes over where this one was killed. */
  private void restart() {
    stock.close();
    stock = service();
  }

  private static Branch only(Receipt receipt) {
    return StockService.listing(receipt).kept().getFirst();
  }

  /** Sees what is prepared now, and does what is due after a while. */
  private boolean later(Duration time) {
    stock.participant.runPending();
    clock.pass(time);
    return stock.participant.runPending();
  }

  @Test
  void isSeenOnlyWhenItIsCommittedAndThenAllOfIt() {
    SignedXid xid = clock.xid();

    Receipt receipt = stock.move(xid, "1", LAMPS);
    Branch branch = only(receipt);
    restart();

    assertThat(StockService.body(receipt)).isEqualTo("moved 2");
    assertThat(branch.kind()).isEqualTo(BranchKind.XA);
    assertThat(stock.prepared()).hasSize(1);
    assertThat(stock.moved()).isEmpty();
    assertThat(stock.states()).isEmpty();
    assertThat(stock.sent()).isEmpty();
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.prepared()).isEmpty();
    assertThat(stock.moved()).containsExactly("move lamp 2");
    assertThat(stock.states()).containsExactly("1 COMMITTED");
    assertThat(stock.sent()).containsExactly("\"move\"");
    assertThat(stock.move(xid, "1", LAMPS)).isInstanceOf(Receipt.Replayed.class);
  }

  @Test
  void commitsOnceHoweverOftenItIsTold() {
    SignedXid xid = clock.xid();
    Branch branch = only(stock.move(xid, "1", LAMPS));

    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    restart();
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.CONFLICT);

    assertThat(stock.moved()).containsExactly("move lamp 2");
  }

  @Test
  void rollsBackAndBarsTheStep() {
    SignedXid xid = clock.xid();
    Branch branch = only(stock.move(xid, "1", LAMPS));

    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    restart();
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);

    assertThat(stock.prepared()).isEmpty();
    assertThat(stock.moved()).isEmpty();
    assertThat(stock.states()).containsExactly("1 ABORTED");
    assertThatThrownBy(() -> stock.move(xid, "1", LAMPS))
        .isInstanceOf(BranchRefusedException.class);
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.CONFLICT);
  }

  @Test
  void abortsAStepOfWhichTheStarterKnowsNoBranch() {
    SignedXid xid = clock.xid();
    stock.move(xid, "1", LAMPS);

    assertThat(stock.abort(xid, "1")).isEqualTo(OrderResult.DONE);
    assertThat(stock.abort(xid, "2")).isEqualTo(OrderResult.DONE);

    assertThat(stock.prepared()).isEmpty();
    assertThat(stock.states()).containsExactly("1 ABORTED", "2 ABORTED");
  }

  @Test
  void doesNotWaitForATryThatIsJustBeingPrepared() throws Exception {
    SignedXid xid = clock.xid();
    try (Connection other = stock.transactions.database().dataSource().getConnection();
        Statement statement = other.createStatement()) {
      other.setAutoCommit(false);
      statement.execute(
          "INSERT INTO tenon.branch (xid, step, header, starter, deadline, state, opened_at)"
              + " VALUES ('"
              + xid.xid()
              + "', '1', '', 'order', now(), 'COMMITTED', now())");
      assertThat(stock.abort(xid, "1")).isEqualTo(OrderResult.LATER);
      other.rollback();
    }
    assertThat(stock.abort(xid, "1")).isEqualTo(OrderResult.DONE);
  }

  @Test
  void refusesARepeatedCallWhileTheFirstIsPrepared() {
    SignedXid xid = clock.xid();
    stock.move(xid, "1", LAMPS);
    restart();

    assertThat(stock.move(xid, "1", LAMPS))
        .isEqualTo(new Receipt.Rejected(Receipt.Rejection.STILL_RUNNING));
    assertThat(stock.prepared()).hasSize(1);
  }

  @Test
  void neverWaitsForAPreparedBranchOfTheSameStepThatAnotherCallerHasOpened() {
    SignedXid xid = clock.xid();
    stock.move(xid, "1", LAMPS);
    BranchCall call = new BranchCall(xid.header(), "1", "somebody", "stock");

    assertThatThrownBy(
            () ->
                stock.participant.handle(
                    call, Fingerprint.ofValue("move", LAMPS), unit -> stock.move(unit, LAMPS)))
        .isInstanceOfSatisfying(
            BranchRefusedException.class,
            refused ->
                assertThat(refused.reason())
                    .isEqualTo(BranchRefusedException.Reason.STILL_RUNNING));
  }

  @Test
  void storesARefusalAtOnceAndPreparesNothing() {
    SignedXid xid = clock.xid();

    Receipt receipt =
        stock.participant.handle(
            StockService.call(xid, "1"),
            Fingerprint.ofValue("move", LAMPS),
            unit -> {
              stock.move(unit, LAMPS);
              throw new RefusalException("no", StockService.reply("no"));
            });

    assertThat(StockService.body(receipt)).isEqualTo("no");
    assertThat(StockService.listing(receipt)).isEqualTo(Listing.NONE);
    assertThat(stock.prepared()).isEmpty();
    assertThat(stock.moved()).isEmpty();
  }

  @Test
  void givesItsConnectionBackClean() {
    for (int i = 0; i < 9; i++) {
      SignedXid xid = clock.xid();
      Branch branch = only(stock.move(xid, "1", LAMPS));
      stock.execute("CREATE TEMPORARY TABLE IF NOT EXISTS mine (a int)");
      assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    }
    assertThat(stock.moved()).hasSize(9);
  }

  @Test
  void preparesNothingThatHasFailed() {
    SignedXid xid = clock.xid();

    assertThatThrownBy(
            () ->
                stock.participant.handle(
                    StockService.call(xid, "1"),
                    Fingerprint.ofValue("move", LAMPS),
                    unit -> {
                      stock.write(unit, "first", LAMPS);
                      unit.setRollbackOnly();
                      return stock.move(unit, LAMPS);
                    }))
        .isInstanceOf(TransactionException.class);

    assertThat(stock.prepared()).isEmpty();
  }

  @Test
  void asksAboutWhatNobodyEndsAndCommitsItIfItIsListed() {
    SignedXid xid = clock.xid();
    Branch branch = only(stock.move(xid, "1", LAMPS));
    restart();

    assertThat(later(Duration.ofSeconds(6))).isFalse();
    assertThat(starter.asked).containsExactly(1);
    assertThat(stock.prepared()).hasSize(1);
    starter.answers.put(branch.id(), BranchAnswer.COMMIT);
    assertThat(later(Duration.ofSeconds(30))).isTrue();

    assertThat(stock.states()).containsExactly("1 COMMITTED");
  }

  @Test
  void rollsBackWhatItsStarterDoesNotList() {
    SignedXid xid = clock.xid();
    stock.move(xid, "1", LAMPS);
    restart();
    starter.otherwise = BranchAnswer.ABORT;

    assertThat(later(Duration.ofSeconds(6))).isTrue();

    assertThat(stock.prepared()).isEmpty();
    assertThat(stock.states()).containsExactly("1 ABORTED");
  }

  @Test
  void parksWhatNobodyCanSayAnyMoreAndStillObeysItsStarter() {
    SignedXid xid = clock.xid();
    Branch branch = only(stock.move(xid, "1", LAMPS));
    starter.otherwise = BranchAnswer.UNKNOWN;

    assertThat(later(Duration.ofSeconds(6))).isTrue();
    restart();
    assertThat(later(Duration.ofHours(1))).isFalse();

    assertThat(starter.asked).containsExactly(1);
    assertThat(stock.prepared()).hasSize(1);
    assertThat(stock.column("SELECT error FROM tenon.prepared"))
        .containsExactly("service order cannot say any more how it ends");
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(later(Duration.ofHours(1))).isFalse();
    assertThat(stock.column("SELECT gid FROM tenon.prepared")).isEmpty();
  }

  private static OpenTransactions.Part part(SignedXid xid) {
    return new OpenTransactions.Part(xid.xid(), "1");
  }

  private OpenTransaction.State shown(SignedXid xid, OpenTransactions.Filter filter) {
    List<OpenTransaction> list =
        stock.open.list(OpenTransactions.Page.first(filter, OpenTransactions.LIST_MAX));
    assertThat(list).extracting(OpenTransaction::xid).containsExactly(xid.xid());
    return list.getFirst().branches().getFirst().state();
  }

  @Test
  void showsOperatorsWhatIsPreparedAndEndsItAsTheySay() {
    SignedXid xid = clock.xid();
    Branch branch = only(stock.move(xid, "1", LAMPS));
    Operator anna = new Operator("anna", "the order is gone");

    assertThat(shown(xid, OpenTransactions.Filter.IN_DOUBT)).isEqualTo(OpenTransaction.State.OPEN);
    assertThat(stock.open.resolve(xid.xid().id())).contains(xid.xid());
    assertThatThrownBy(() -> stock.open.retry(part(xid), anna))
        .hasMessageContaining("its starter is asked about it already");
    assertThatThrownBy(() -> stock.open.skip(part(xid), anna))
        .hasMessageContaining("holds its locks until it is ended");
    stock.open.force(part(xid), Outcome.ABORTED, anna);
    assertThat(shown(xid, OpenTransactions.Filter.ALL)).isEqualTo(OpenTransaction.State.ENDING);
    assertThat(stock.participant.runPending()).isTrue();

    assertThat(stock.prepared()).isEmpty();
    assertThat(stock.states()).containsExactly("1 ABORTED");
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.CONFLICT);
    assertThat(stock.column("SELECT action || ': ' || found FROM tenon.operator_action"))
        .containsExactly("force ABORTED: prepared");
  }

  @Test
  void asksAgainAboutWhatIsParkedWhenAnOperatorSaysSo() {
    SignedXid xid = clock.xid();
    stock.move(xid, "1", LAMPS);
    starter.otherwise = BranchAnswer.UNKNOWN;
    assertThat(later(Duration.ofSeconds(6))).isTrue();
    assertThat(shown(xid, OpenTransactions.Filter.PARKED)).isEqualTo(OpenTransaction.State.PARKED);

    starter.otherwise = BranchAnswer.COMMIT;
    stock.open.retry(part(xid), new Operator("anna", "the backup is back"));
    assertThat(later(Duration.ofMinutes(20))).isTrue();

    assertThat(stock.states()).containsExactly("1 COMMITTED");
  }

  @Test
  void namesTheSettingWhereTheServerPreparesNothing() throws Exception {
    try (PostgresServer server =
        PostgresServer.builder().setting("max_prepared_transactions", "0").start()) {
      Database other = server.createDatabase(StockService.NAME);
      try (StockService service = new StockService(other, clock, Optional.of(starter))) {
        service.execute(StockService.TABLES);

        assertThatThrownBy(service.participant::start)
            .isInstanceOf(GlobalTransactionException.class)
            .hasMessageContaining("its max_prepared_transactions is 0")
            .hasMessageContaining("Set it in postgresql.conf");
        assertThatThrownBy(() -> service.move(clock.xid(), "1", LAMPS))
            .isInstanceOf(TransactionException.class)
            .hasMessageContaining("its max_prepared_transactions is 0");
        assertThat(service.moved()).isEmpty();
      }
    }
  }

  @Test
  void isEndedRightByAServiceWhoseTransactionsAreRepeatableRead() {
    stock.close();
    stock = new StockService(database, clock, "repeatable read");
    SignedXid xid = clock.xid();
    Branch branch = only(stock.move(xid, "1", LAMPS));

    assertThat(stock.move(xid, "1", LAMPS))
        .isEqualTo(new Receipt.Rejected(Receipt.Rejection.STILL_RUNNING));
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.moved()).containsExactly("move lamp 2");
  }

  @Test
  void leavesWhatOthersHavePreparedAlone() throws SQLException {
    try (Connection other = stock.transactions.database().dataSource().getConnection();
        Statement statement = other.createStatement()) {
      other.setAutoCommit(false);
      statement.execute("INSERT INTO moved (what, units) VALUES ('other', 1)");
      statement.execute("PREPARE TRANSACTION 'tenon" + System.nanoTime() + "'");
      other.setAutoCommit(true);
    }
    starter.otherwise = BranchAnswer.ABORT;

    assertThat(later(Duration.ofHours(1))).isFalse();

    assertThat(stock.prepared()).hasSize(1);
  }

  @Test
  void keepsMessagesOfOthersGoingWhileItIsPrepared() throws Exception {
    SignedXid xid = clock.xid();
    Branch branch = only(stock.move(xid, "1", LAMPS));
    try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
      Future<OrderResult> ended =
          thread.submit(
              () -> {
                SignedXid next = clock.xid();
                Branch taken = only(stock.take(next, "1", new Units("cup", 1)));
                return stock.finish(next, taken, Outcome.COMMITTED);
              });
      assertThat(ended.get(60, TimeUnit.SECONDS)).isEqualTo(OrderResult.DONE);
    }

    assertThat(stock.sent()).containsExactly("\"take\"");
    assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.sent()).containsExactlyInAnyOrder("\"take\"", "\"move\"");
  }

  /** A service whose other connections are all held by who waits for a row of a branch. */
  private Branch movedWhileOthersWait(SignedXid xid, ExecutorService others) throws SQLException {
    stock.close();
    stock =
        new StockService(
            database,
            clock,
            Optional.of(starter),
            GlobalConfig.defaults(),
            pool -> {
              pool.setMaximumPoolSize(WAITING + 1);
              pool.setConnectionTimeout(1_000);
            });
    stock.execute("INSERT INTO moved (what, units) VALUES ('row', 0)");
    Branch branch =
        only(
            stock.participant.handle(
                StockService.call(xid, "1"),
                Fingerprint.ofValue("move", LAMPS),
                unit -> {
                  stock.statement(unit, "UPDATE moved SET units = 1");
                  return stock.move(unit, LAMPS);
                }));
    boolean unused = stock.participant.runPending();
    for (int i = 0; i < WAITING; i++) {
      others.execute(() -> stock.execute("UPDATE moved SET units = units + 1 WHERE what = 'row'"));
    }
    Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> waiting() == WAITING);
    return branch;
  }

  private int waiting() throws SQLException {
    try (Connection connection = postgres.dataSource(database).getConnection();
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    + " AND wait_event_type = 'Lock'")) {
      row.next();
      return row.getInt(1);
    }
  }

  @Test
  void isEndedWhileWhoWaitsForItsRowsHoldsAllOtherConnections() throws SQLException {
    SignedXid xid = clock.xid();
    try (ExecutorService others = Executors.newFixedThreadPool(WAITING)) {
      Branch branch = movedWhileOthersWait(xid, others);

      assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    }

    assertThat(stock.moved()).contains("row " + (1 + WAITING));
  }

  @Test
  void isAskedAboutWhileWhoWaitsForItsRowsHoldsAllOtherConnections() throws SQLException {
    SignedXid xid = clock.xid();
    starter.otherwise = BranchAnswer.ABORT;
    try (ExecutorService others = Executors.newFixedThreadPool(WAITING)) {
      Branch unused = movedWhileOthersWait(xid, others);

      clock.pass(Duration.ofSeconds(6));
      assertThat(stock.participant.runPending()).isTrue();
    }

    assertThat(stock.prepared()).isEmpty();
    assertThat(stock.moved()).containsExactly("row " + WAITING);
  }

  @Test
  void isEndedAfterTheServerHasCutTheKeptConnection() throws SQLException {
    SignedXid xid = clock.xid();
    Branch branch = only(stock.move(xid, "1", LAMPS));
    stock.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            + " WHERE datname = current_database() AND pid <> pg_backend_pid()");

    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .ignoreExceptions() // of other connections that were cut, too
        .untilAsserted(
            () -> {
              assertThat(stock.finish(xid, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
              assertThat(stock.moved()).containsExactly("move lamp 2");
            });
  }
}
