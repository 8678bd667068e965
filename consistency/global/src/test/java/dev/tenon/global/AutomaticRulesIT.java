package dev.tenon.global;

import static dev.tenon.global.StockService.call;
import static dev.tenon.global.StockService.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.tenon.global.OpenTransactions.Part;
import dev.tenon.global.StockService.Clock;
import dev.tenon.global.StockService.Units;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Receipt;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each rule of automatic branches; a test fails if its rule is taken out. */
class AutomaticRulesIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Fingerprint ANY = Fingerprint.ofValue("any", 1);
  private static final Operator OPERATOR = new Operator("kim", "test");
  private static final AutomaticTables TABLES = AutomaticTables.of("tenon");

  private final Clock clock = new Clock();
  private final FakeStarter starter = new FakeStarter();
  private Database database;
  private StockService stock;

  @BeforeEach
  void start() {
    database = postgres.freshDatabase(StockService.NAME);
    stock = new StockService(database, clock, Optional.of(starter));
    stock.execute(StockService.TABLES);
    stock.execute(
        "CREATE TABLE parent (id int PRIMARY KEY, code text UNIQUE, units int DEFAULT 0);"
            + " CREATE TABLE child (id int PRIMARY KEY,"
            + " parent int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE,"
            + " place int UNIQUE DEFERRABLE INITIALLY DEFERRED);"
            + " INSERT INTO parent VALUES (1, 'a'), (2, 'b');"
            + " INSERT INTO child VALUES (10, 1, 1), (11, 1, 2), (20, 2, 3)");
    TABLES.enable(dataSource(), List.of("parent", "child"));
  }

  @AfterEach
  void stop() {
    stock.close();
  }

  private DataSource dataSource() {
    return stock.transactions.database().dataSource();
  }

  private Receipt write(SignedXid xid, String step, String... statements) {
    return stock.participant.handle(
        call(xid, step),
        ANY,
        unit -> {
          for (String sql : statements) {
            stock.statement(unit, sql);
          }
          return reply("done");
        });
  }

  private static Branch only(Receipt receipt) {
    assertThat(StockService.listing(receipt).kept()).hasSize(1);
    return StockService.listing(receipt).kept().getFirst();
  }

  private List<String> rows() {
    return stock.column(
        "SELECT 'p' || parent::text FROM parent UNION ALL SELECT 'c' || child::text FROM child"
            + " ORDER BY 1");
  }

  private void undoes(String... statements) {
    List<String> before = rows();
    SignedXid xid = clock.xid();
    Branch branch = only(write(xid, "1", statements));
    assertThat(rows()).isNotEqualTo(before);
    abort(xid, branch);
    assertThat(rows()).isEqualTo(before);
    assertThat(
            stock.column(
                "SELECT rel::text FROM tenon.row_image"
                    + " UNION ALL SELECT hash::text FROM tenon.row_lock"))
        .isEmpty();
  }

  private void abort(SignedXid xid, Branch branch) {
    assertThat(stock.finish(xid, branch, Outcome.ABORTED))
        .describedAs(() -> String.valueOf(errors()))
        .isEqualTo(OrderResult.DONE);
  }

  private List<String> errors() {
    return stock.column("SELECT error FROM tenon.branch WHERE error IS NOT NULL");
  }

  private static void assertLocked(Throwable failure) {
    assertThat(AutomaticBranches.state(failure)).contains(AutomaticBranches.LOCKED);
  }

  private void assertRefused(String sql) {
    assertLocked(catchThrowable(() -> stock.execute(sql)));
  }

  @Test
  void undoesCascades() {
    undoes("DELETE FROM parent WHERE id = 1");
    undoes("UPDATE parent SET id = 7 WHERE id = 1");
    undoes("UPDATE parent SET id = 7 WHERE id = 1", "DELETE FROM parent");
  }

  @Test
  void undoesManyRowsAndStatementsUpsertsAndRepeatedChangesOfARow() {
    undoes(
        "INSERT INTO parent SELECT n, 'n' || n FROM generate_series(100, 600) n",
        "UPDATE parent SET units = units + 1",
        "UPDATE parent SET units = units + 1, code = code || '!' WHERE id % 2 = 0",
        "INSERT INTO parent VALUES (2, 'b', 5) ON CONFLICT (id) DO UPDATE SET units = 9",
        "DELETE FROM parent WHERE id % 3 = 0");
  }

  @Test
  void undoesUniqueValuesThatWereFreedAndTaken() {
    undoes(
        "UPDATE parent SET code = 'x' WHERE id = 1",
        "UPDATE parent SET code = 'a' WHERE id = 2",
        "UPDATE parent SET code = 'b' WHERE id = 1");
  }

  @Test
  void forgetsWhatASavepointTookBackAndItsBranch() {
    List<String> before = rows();
    SignedXid xid = clock.xid();

    Receipt none =
        stock.participant.handle(
            call(xid, "1"),
            ANY,
            unit -> {
              try {
                Savepoint savepoint = unit.connection().setSavepoint();
                stock.statement(unit, "DELETE FROM child");
                unit.connection().rollback(savepoint);
              } catch (SQLException e) {
                throw new IllegalStateException(e);
              }
              return reply("done");
            });

    assertThat(StockService.listing(none)).isEqualTo(Listing.NONE);
    assertThat(rows()).isEqualTo(before);
    assertThat(stock.states()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"read committed", "repeatable read", "serializable"})
  void refusesWritersWhoseSnapshotIsOlderThanTheLock(String isolation) throws SQLException {
    List<String> sqls =
        List.of(
            "UPDATE parent SET units = 9 WHERE id = 1",
            "INSERT INTO parent VALUES (3, 'was b')",
            "DELETE FROM parent WHERE id = 5",
            "INSERT INTO child VALUES (30, 6, 30)");
    stock.execute(
        "INSERT INTO parent VALUES (3, 'was c'), (4, 'd'), (5, 'e');"
            + " INSERT INTO child VALUES (50, 5, 50)");
    List<Connection> open = new ArrayList<>();
    try {
      for (int i = 0; i < sqls.size(); i++) {
        Connection connection = dataSource().getConnection();
        open.add(connection);
        connection.setAutoCommit(false);
        execute(connection, "SET TRANSACTION ISOLATION LEVEL " + isolation);
        execute(connection, "SELECT * FROM parent");
      }
      SignedXid xid = clock.xid();
      Branch branch =
          only(
              write(
                  xid,
                  "1",
                  "UPDATE parent SET units = 5 WHERE id = 1",
                  "DELETE FROM parent WHERE id = 3",
                  "DELETE FROM child WHERE id = 50",
                  "INSERT INTO parent VALUES (6, 'f')"));
      for (int i = 0; i < sqls.size(); i++) {
        Connection connection = open.get(i);
        String sql = sqls.get(i);
        Throwable failure = catchThrowable(() -> execute(connection, sql));
        assertThat(failure).describedAs(sql).isInstanceOf(SQLException.class);
        assertThat(((SQLException) failure).getSQLState())
            .describedAs(sql + ": " + failure)
            .isIn(AutomaticBranches.LOCKED, "40001", "23503");
        connection.rollback();
      }
      abort(xid, branch);
    } finally {
      for (Connection connection : open) {
        connection.rollback();
        connection.setAutoCommit(true);
        connection.close();
      }
    }
  }

  private static void execute(Connection connection, String sql) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  @Test
  void keepsVacatedValuesParentsAndNewParentsFromOthers() {
    SignedXid xid = clock.xid();
    Branch branch =
        only(
            write(
                xid,
                "1",
                "UPDATE parent SET code = 'free' WHERE id = 1",
                "DELETE FROM child WHERE id = 20",
                "INSERT INTO parent VALUES (3, 'c')"));

    assertRefused("INSERT INTO parent VALUES (4, 'a')");
    assertRefused("UPDATE parent SET code = 'a' WHERE id = 2");
    assertRefused("DELETE FROM parent WHERE id = 2");
    assertRefused("INSERT INTO child VALUES (30, 3, 30)");
    stock.execute("INSERT INTO child VALUES (31, 2, 31); UPDATE parent SET units = 1 WHERE id = 2");
    abort(xid, branch);
    stock.execute("DELETE FROM parent WHERE id = 2");
  }

  @Test
  void refusesToEmptyATable() {
    Throwable failure = catchThrowable(() -> stock.execute("TRUNCATE child"));

    assertThat(AutomaticBranches.state(failure)).contains("TN006");
  }

  @Test
  void locksPartitionsByTheirRootAndMovesRowsBack() {
    stock.execute(
        "CREATE TABLE part (id int, region int, n int, PRIMARY KEY (id, region))"
            + " PARTITION BY LIST (region);"
            + " CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);"
            + " CREATE TABLE part_2 (n int, region int NOT NULL, id int NOT NULL);"
            + " ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES IN (2);"
            + " INSERT INTO part VALUES (1, 1, 1), (2, 2, 2)");
    TABLES.enable(dataSource(), List.of("part"));
    stock.execute("CREATE TABLE part_3 PARTITION OF part FOR VALUES IN (3)");
    assertThat(TABLES.renew(dataSource())).containsExactly("public.part");
    List<String> before = stock.column("SELECT part::text FROM part ORDER BY 1");
    SignedXid xid = clock.xid();

    Branch branch = only(write(xid, "1", "UPDATE part SET region = 3 - region, n = n + 1"));

    assertRefused("UPDATE part_1 SET n = 7");
    assertRefused("INSERT INTO part_1 VALUES (1, 1, 7)");
    for (String table : List.of("part", "part_1", "part_3")) {
      assertThat(AutomaticBranches.state(catchThrowable(() -> stock.execute("TRUNCATE " + table))))
          .contains("TN006");
    }
    abort(xid, branch);
    assertThat(stock.column("SELECT part::text FROM part ORDER BY 1")).isEqualTo(before);
  }

  /** A branch whose row was changed while the triggers were off. */
  private Branch dirty(SignedXid xid) {
    Branch branch = only(write(xid, "1", "UPDATE parent SET units = 5 WHERE id = 1"));
    stock.execute(
        "ALTER TABLE parent DISABLE TRIGGER tenon_at; UPDATE parent SET units = 6 WHERE id = 1;"
            + " ALTER TABLE parent ENABLE ALWAYS TRIGGER tenon_at");
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isIn(OrderResult.PARKED);
    return branch;
  }

  private static Part part(SignedXid xid) {
    return Part.branch(xid.xid(), "1");
  }

  @Test
  void parksADirtyStateWithItsDifferenceAndOverwritesItWhenForced() {
    SignedXid xid = clock.xid();
    Branch unused = dirty(xid);

    assertThat(errors())
        .singleElement()
        .asString()
        .startsWith("a row of public.parent has units 6 (expected: 5) in {\"id\": 1");
    stock.open.retry(part(xid), OPERATOR);
    assertThat(stock.participant.runPending()).isTrue();
    assertThat(stock.states()).containsExactly("1 PARKED");
    stock.open.force(part(xid), Outcome.ABORTED, OPERATOR);
    assertThat(stock.participant.runPending()).isTrue();
    assertThat(stock.states()).containsExactly("1 ABORTED");
    assertThat(rows()).contains("p(1,a,0)");
  }

  @Test
  void keepsADirtyStateAsItIsWhenToldSo() {
    SignedXid xid = clock.xid();
    Branch unused = dirty(xid);

    stock.open.skip(part(xid), OPERATOR);

    assertThat(stock.states()).containsExactly("1 ABORTED");
    assertThat(rows()).contains("p(1,a,6)");
    stock.execute("UPDATE parent SET units = 7 WHERE id = 1");
  }

  @Test
  void undoesAParkedBranchThatIsRetriedOnceItsRowIsRight() {
    SignedXid xid = clock.xid();
    Branch unused = dirty(xid);
    stock.execute(
        "ALTER TABLE parent DISABLE TRIGGER tenon_at; UPDATE parent SET units = 5 WHERE id = 1;"
            + " ALTER TABLE parent ENABLE ALWAYS TRIGGER tenon_at");

    stock.open.retry(part(xid), OPERATOR);
    assertThat(stock.participant.runPending()).isTrue();

    assertThat(rows()).contains("p(1,a,0)");
  }

  @Test
  void parksABranchWhoseTableWasAltered() {
    SignedXid xid = clock.xid();
    Branch branch = only(write(xid, "1", "UPDATE parent SET units = 5 WHERE id = 1"));
    stock.execute("ALTER TABLE parent DROP COLUMN units, ADD COLUMN pieces int DEFAULT 5");

    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.PARKED);

    assertThat(errors()).singleElement().asString().contains("was altered since");
    assertThat(rows()).contains("p(1,a,5)");
  }

  @Test
  void refusesMoreRowsThanTheLimit() {
    GlobalConfig usual = GlobalConfig.defaults();
    stock.close();
    stock =
        new StockService(
            database,
            clock,
            Optional.of(starter),
            new GlobalConfig(
                usual.timeout(),
                usual.lease(),
                usual.keep(),
                usual.askAfter(),
                usual.endBackoff(),
                usual.undoAttemptsMax(),
                usual.batchMax(),
                100,
                usual.lockWait()),
            config -> {});

    Throwable failure =
        catchThrowable(
            () ->
                write(
                    clock.xid(),
                    "1",
                    "INSERT INTO parent SELECT n, 'n' || n FROM generate_series(1000, 1100) n"));

    assertThat(AutomaticBranches.state(failure)).contains("TN003");
    assertThat(stock.states()).isEmpty();
  }

  @Test
  void refusesTablesThatItCannotUndo() {
    stock.execute(
        "CREATE TABLE no_key (id int); CREATE TABLE loud (id int PRIMARY KEY);"
            + " CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS"
            + " 'BEGIN RETURN NULL; END';"
            + " CREATE TRIGGER shout AFTER UPDATE ON loud FOR EACH ROW EXECUTE FUNCTION shout();"
            + " CREATE TABLE apart (id int4range PRIMARY KEY, EXCLUDE USING gist (id WITH &&));"
            + " CREATE TABLE top (id int PRIMARY KEY);"
            + " CREATE TABLE below (id int PRIMARY KEY, top int REFERENCES top ON DELETE SET NULL);"
            + " CREATE UNLOGGED TABLE lost (id int PRIMARY KEY)");

    assertNotOptedIn("no_key", "it has no primary key. Give it one.");
    assertNotOptedIn("loud", "its trigger shout would fire when changes are undone. Give it");
    assertNotOptedIn("apart", "it has the exclusion constraint");
    assertNotOptedIn("top", "the table below refers to it");
    assertNotOptedIn("lost", "it does not survive a crash");
    TABLES.enable(dataSource(), List.of("top", "below"));
    stock.execute(
        "DROP TRIGGER shout ON loud;"
            + " CREATE TRIGGER shout AFTER UPDATE ON loud FOR EACH ROW"
            + " WHEN (coalesce(current_setting('tenon_at.undo', true), '') = '')"
            + " EXECUTE FUNCTION shout()");
    TABLES.enable(dataSource(), List.of("loud"));
    stock.execute("ALTER TABLE below DROP CONSTRAINT below_pkey");
    assertThatThrownBy(() -> TABLES.renew(dataSource()))
        .isInstanceOf(AutomaticTableException.class)
        .hasMessageContaining("public.below: it has no primary key");
  }

  private void assertNotOptedIn(String table, String reason) {
    assertThatThrownBy(() -> TABLES.enable(dataSource(), List.of(table)))
        .isInstanceOf(AutomaticTableException.class)
        .hasMessageContaining("public." + table + ": ")
        .hasMessageContaining(reason);
  }

  @Test
  void writesLikeAnybodyInACallThatDeclaresAnotherBranch() {
    SignedXid xid = clock.xid();

    Branch branch =
        only(
            stock.participant.handle(
                call(xid, "1"),
                ANY,
                unit -> {
                  stock.participant.open(stock.take, new Units("lamp", 1));
                  stock.statement(unit, "UPDATE parent SET units = 5");
                  return reply("done");
                }));

    assertThat(branch.kind()).isEqualTo(BranchKind.SAGA);
    stock.execute("UPDATE parent SET units = 6");
  }

  @Test
  void letsLaterStepsOfATransactionWriteTheSameRowAndUndoesThemFirst() {
    SignedXid xid = clock.xid();
    Branch first = only(write(xid, "1", "UPDATE parent SET units = 5 WHERE id = 1"));
    Branch second = only(write(xid, "2", "UPDATE parent SET units = 6 WHERE id = 1"));

    assertThat(stock.finish(xid, first, Outcome.ABORTED)).isEqualTo(OrderResult.LATER);
    abort(xid, second);
    assertRefused("UPDATE parent SET units = 7 WHERE id = 1");
    abort(xid, first);
    assertThat(rows()).contains("p(1,a,0)");
  }

  @Test
  void refusesAStepWhoseFateMayBeAnother() {
    SignedXid xid = clock.xid();
    Branch unused = only(write(xid, "1.1", "UPDATE parent SET units = 5 WHERE id = 1"));

    assertLocked(catchThrowable(() -> write(xid, "2", "UPDATE parent SET units = 6 WHERE id = 1")));
  }

  @Test
  void namesTheBranchOfACallWhoseReplyIsNotStored() {
    SignedXid xid = clock.xid();
    String listing;
    try (Participant.Reading reading = stock.participant.enter(call(xid, "1"))) {
      stock.execute("UPDATE parent SET units = 5 WHERE id = 1");
      Throwable again = catchThrowable(() -> stock.execute("UPDATE parent SET units = 6"));
      assertThat(again).isInstanceOf(BranchRefusedException.class);
      listing = reading.listing(false);
    }

    Branch branch = Listing.parse(listing).kept().getFirst();
    assertThat(branch.kind()).isEqualTo(BranchKind.AT);
    abort(xid, branch);
    assertThat(rows()).contains("p(1,a,0)");
  }

  @Test
  void helpsToEndADecidedTransactionWhoseRowItWaitsFor() {
    SignedXid holder = clock.xid();
    Branch branch = only(write(holder, "1", "UPDATE parent SET units = 5 WHERE id = 1"));
    starter.answers.put(branch.id(), BranchAnswer.COMMIT);

    Branch next = only(write(clock.xid(), "1", "UPDATE parent SET units = units + 1 WHERE id = 1"));

    assertThat(next.kind()).isEqualTo(BranchKind.AT);
    assertThat(rows()).contains("p(1,a,6)");
    assertThat(starter.asked).isNotEmpty();
  }
}
