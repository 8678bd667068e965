package dev.tenon.global;

import static dev.tenon.global.StockService.call;
import static dev.tenon.global.StockService.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.tenon.global.StockService.Clock;
import dev.tenon.global.StockService.Units;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.UnitOfWork;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What guards automatic branches against those who know nothing of them. */
class AutomaticGuardsIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Fingerprint ANY = Fingerprint.ofValue("any", 1);
  private static final AutomaticTables TABLES = AutomaticTables.of("tenon");

  private final Clock clock = new Clock();
  private StockService stock;

  @BeforeEach
  void start() {
    stock =
        new StockService(
            postgres.freshDatabase(StockService.NAME), clock, Optional.of(new FakeStarter()));
    stock.execute(StockService.TABLES);
    stock.execute(
        "CREATE TABLE item (id int PRIMARY KEY, code text UNIQUE, n int);"
            + " INSERT INTO item VALUES (1, 'a', 1), (2, 'b', 2)");
    TABLES.enable(dataSource(), List.of("item"));
  }

  @AfterEach
  void stop() {
    stock.close();
  }

  private DataSource dataSource() {
    return stock.transactions.database().dataSource();
  }

  private Branch branch(SignedXid xid, String step, Consumer<UnitOfWork> work) {
    return StockService.listing(
            stock.participant.handle(
                call(xid, step),
                ANY,
                unit -> {
                  work.accept(unit);
                  return reply("done");
                }))
        .kept()
        .getFirst();
  }

  private Branch write(SignedXid xid, String step, String sql) {
    return branch(xid, step, unit -> stock.statement(unit, sql));
  }

  private List<String> items() {
    return stock.column("SELECT item::text FROM item ORDER BY id");
  }

  private void assertState(String state, Throwable failure) {
    assertThat(AutomaticBranches.state(failure)).describedAs("" + failure).contains(state);
  }

  @Test
  void leavesTriggersThatFitAloneWhateverHoldsTheTable() throws SQLException {
    try (Connection other = dataSource().getConnection()) {
      other.setAutoCommit(false);
      try (var statement = other.createStatement()) {
        statement.execute("UPDATE item SET n = 7");
      }

      assertThat(TABLES.renew(dataSource())).isEmpty();
      TABLES.enable(dataSource(), List.of("item"));
      other.rollback();
      other.setAutoCommit(true);
    }
  }

  @Test
  void renewsTriggersWhoseKeysAreOthersOnlyWhenNoBranchLocksByThem() {
    SignedXid xid = clock.xid();
    Branch branch = write(xid, "1", "UPDATE item SET code = 'x' WHERE id = 1");
    stock.execute("ALTER TABLE item DROP CONSTRAINT item_pkey, ADD PRIMARY KEY (id)");

    assertThat(TABLES.renew(dataSource())).isEmpty();
    assertThatThrownBy(() -> TABLES.enable(dataSource(), List.of("item")))
        .isInstanceOf(AutomaticTableException.class)
        .hasMessageContaining("Wait for its end");
    assertThatThrownBy(() -> TABLES.disable(dataSource(), List.of("item")))
        .isInstanceOf(AutomaticTableException.class);
    assertState(
        AutomaticBranches.LOCKED,
        catchThrowable(() -> stock.execute("UPDATE item SET n = 7 WHERE id = 1")));

    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(items()).containsExactly("(1,a,1)", "(2,b,2)");
    assertThat(TABLES.renew(dataSource())).containsExactly("public.item");
  }

  @Test
  void undoesRowsOfColumnsThatWereRenamedOrWidened() {
    SignedXid xid = clock.xid();
    Branch branch = write(xid, "1", "UPDATE item SET n = 9; DELETE FROM item WHERE id = 2");
    stock.execute("ALTER TABLE item ALTER COLUMN n TYPE bigint; ALTER TABLE item RENAME n TO m");

    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(items()).containsExactly("(1,a,1)", "(2,b,2)");
  }

  @Test
  void parksABranchWhoseTableIsGone() {
    SignedXid xid = clock.xid();
    Branch branch = write(xid, "1", "UPDATE item SET n = 9");
    stock.execute("DROP TABLE item");

    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.PARKED);
    assertThat(stock.column("SELECT error FROM tenon.branch").getFirst()).contains("is gone");
  }

  @ParameterizedTest
  @ValueSource(strings = {"IMMEDIATE", "DEFERRED"})
  void undoesWhatOnlyConstraintsThatWaitAllow(String mode) {
    stock.execute(
        "CREATE TABLE seat (id int PRIMARY KEY, place int UNIQUE DEFERRABLE INITIALLY "
            + mode
            + "); INSERT INTO seat VALUES (1, 1), (2, 2), (3, 3)");
    TABLES.enable(dataSource(), List.of("seat"));
    List<String> before = stock.column("SELECT seat::text FROM seat ORDER BY id");
    SignedXid xid = clock.xid();

    Branch branch =
        write(xid, "1", "UPDATE seat SET place = 4 - place; UPDATE seat SET place = place % 3 + 1");

    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.column("SELECT seat::text FROM seat ORDER BY id")).isEqualTo(before);
  }

  @Test
  void namesTheBranchOfARowThatADeferredConstraintWrites() {
    stock.execute(
        "CREATE TABLE noted (id int PRIMARY KEY, n int REFERENCES item DEFERRABLE);"
            + " CREATE FUNCTION renumber() RETURNS trigger LANGUAGE plpgsql AS"
            + " 'BEGIN UPDATE item SET n = NEW.n; RETURN NULL; END';"
            + " CREATE CONSTRAINT TRIGGER renumber AFTER INSERT ON noted"
            + " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION renumber()");
    SignedXid xid = clock.xid();

    Branch branch = write(xid, "1", "INSERT INTO noted VALUES (1, 2)");

    assertThat(branch.kind()).isEqualTo(BranchKind.AT);
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(items()).containsExactly("(1,a,1)", "(2,b,2)");
  }

  @Test
  void refusesWhatIsWrittenWhenNobodyWouldNameItsBranch() {
    Throwable late =
        catchThrowable(
            () ->
                branch(
                    clock.xid(),
                    "1",
                    unit ->
                        unit.beforeCommit(
                            connection -> {
                              try (var statement = connection.createStatement()) {
                                statement.execute("UPDATE item SET n = 7");
                              }
                            })));

    assertState(AutomaticBranches.REFUSED, late);
    assertThat(items()).contains("(1,a,1)");
  }

  @Test
  void keepsWhatWasWrittenBeforeASavepointThatWasRolledBack() {
    SignedXid xid = clock.xid();
    Branch branch =
        branch(
            xid,
            "1",
            unit -> {
              stock.statement(unit, "UPDATE item SET n = 7 WHERE id = 1; SAVEPOINT s");
              stock.statement(unit, "UPDATE item SET n = 8");
              stock.statement(unit, "ROLLBACK TO s");
            });

    stock.execute("UPDATE item SET n = 5 WHERE id = 2");
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(items()).containsExactly("(1,a,1)", "(2,b,5)");
  }

  @Test
  void refusesWhoHasWaitedForTheRowOfABranchThatIsStillOpen() throws Exception {
    SignedXid xid = clock.xid();
    CompletableFuture<Throwable> writer = new CompletableFuture<>();
    Branch branch =
        branch(
            xid,
            "1",
            unit -> {
              stock.statement(unit, "UPDATE item SET n = 7 WHERE id = 1");
              Thread unused =
                  Thread.startVirtualThread(
                      () ->
                          writer.complete(
                              catchThrowable(
                                  () -> stock.execute("UPDATE item SET n = 8 WHERE id = 1"))));
              stock.awaitBlocked();
            });

    assertState(AutomaticBranches.LOCKED, writer.get(60, TimeUnit.SECONDS));
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(items()).contains("(1,a,1)");
  }

  @Test
  void firesEvenWhereTriggersOfUsersDoNot() {
    assertThat(
            stock.column(
                "SELECT format('%s %s', tgname, tgenabled) FROM pg_trigger"
                    + " WHERE tgname LIKE 'tenon_at%'"))
        .containsExactlyInAnyOrder("tenon_at A", "tenon_at_truncate A");
  }

  @Test
  void undoesABranchOnceThoughItsOrderIsRepeatedAndBarsLateCalls() {
    SignedXid xid = clock.xid();
    Branch branch = write(xid, "1", "UPDATE item SET n = n + 1");
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    stock.execute("UPDATE item SET n = n + 10");

    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);

    assertThat(items()).containsExactly("(1,a,11)", "(2,b,12)");
    assertThat(catchThrowable(() -> write(xid, "1", "UPDATE item SET n = 0")))
        .isInstanceOf(BranchRefusedException.class);
    assertThat(catchThrowable(() -> stock.take(xid, "1", new Units("lamp", 1))))
        .isInstanceOf(BranchRefusedException.class);
  }
}
