package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.tenon.global.StockService.Clock;
import dev.tenon.global.StockService.Units;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Receipt;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.UnitOfWork;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A service with a second database of its own. */
class XaDatabasesIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Units LAMPS = new Units("lamp", 2);
  private static final String PREPARED =
      "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";

  private final Clock clock = new Clock();
  private final FakeStarter starter = new FakeStarter();
  private DataSource archive;
  private StockService stock;

  @BeforeEach
  void start() throws SQLException {
    Database own = postgres.freshDatabase(StockService.NAME);
    archive = postgres.dataSource(postgres.freshDatabase("archive"));
    XaDatabase second = new XaDatabase("archive", archive);
    stock = new StockService(own, clock, Optional.of(starter), List.of(second));
    stock.execute(StockService.TABLES);
    execute(archive, "CREATE TABLE archived (units int CHECK (units < 100))");
  }

  @AfterEach
  void stop() throws SQLException {
    for (DataSource each : List.of(archive, stock.transactions.database().dataSource())) {
      for (String gid : column(each, PREPARED)) {
        execute(each, "ROLLBACK PREPARED '" + gid + "'");
      }
    }
    stock.close();
  }

  private static void execute(DataSource where, String sql) throws SQLException {
    try (Connection connection = where.getConnection();
        Statement statement = connection.createStatement()) {
      connection.setAutoCommit(true);
      statement.execute(sql);
    }
  }

  private static List<String> column(DataSource where, String sql) throws SQLException {
    List<String> values = new ArrayList<>();
    try (Connection connection = where.getConnection();
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      while (row.next()) {
        values.add(row.getString(1));
      }
    }
    return values;
  }

  private Receipt move(SignedXid xid, UnitOfWork.LastCheck last) {
    return stock.participant.handle(
        StockService.call(xid, "1"),
        Fingerprint.ofValue("move", LAMPS),
        unit -> {
          var reply = stock.move(unit, LAMPS);
          unit.beforeCommit(last);
          archive();
          return reply;
        });
  }

  private void archive() {
    try (Statement statement = stock.participant.connection("archive").createStatement()) {
      statement.execute("INSERT INTO archived VALUES (2)");
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Branch only(Receipt receipt) {
    return StockService.listing(receipt).kept().getFirst();
  }

  private List<String> archived() throws SQLException {
    return column(archive, "SELECT units FROM archived");
  }

  private List<String> preparedInArchive() throws SQLException {
    return column(archive, PREPARED);
  }

  /** Sees what is prepared now, and does what is due after a while. */
  private boolean later() {
    stock.participant.runPending();
    clock.pass(Duration.ofSeconds(6));
    return stock.participant.runPending();
  }

  @Test
  void commitsBothOrNone() throws SQLException {
    SignedXid kept = clock.xid();
    SignedXid lost = clock.xid();
    Branch branch = only(move(kept, connection -> {}));
    Branch other = only(move(lost, connection -> {}));

    assertThat(preparedInArchive()).hasSize(2);
    assertThat(stock.prepared()).hasSize(2).doesNotContainAnyElementsOf(preparedInArchive());
    assertThat(stock.finish(kept, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.finish(kept, branch, Outcome.COMMITTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.finish(lost, other, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);

    assertThat(archived()).containsExactly("2");
    assertThat(stock.moved()).containsExactly("move lamp 2");
    assertThat(preparedInArchive()).isEmpty();
    assertThat(stock.prepared()).isEmpty();
  }

  @Test
  void leavesNothingPreparedWhereTheOtherFails() throws SQLException {
    assertThatThrownBy(
            () ->
                move(
                    clock.xid(),
                    connection -> {
                      throw new SQLException("no");
                    }))
        .hasMessageContaining("no");
    assertThatThrownBy(
            () ->
                move(
                    clock.xid(),
                    connection -> {
                      try (Statement statement = connection.createStatement()) {
                        // What the server does not prepare.
                        statement.execute("CREATE TEMPORARY TABLE mine (a int)");
                      }
                    }))
        .hasMessageContaining("temporary");

    assertThat(preparedInArchive()).isEmpty();
    assertThat(stock.prepared()).isEmpty();
    assertThat(archived()).isEmpty();
  }

  @Test
  void asksAboutWhatIsPreparedInTheOtherDatabaseAlone() throws SQLException {
    SignedXid xid = clock.xid();
    move(xid, connection -> {});
    for (String gid : stock.prepared()) {
      execute(stock.transactions.database().dataSource(), "ROLLBACK PREPARED '" + gid + "'");
    }
    starter.otherwise = BranchAnswer.ABORT;

    assertThat(later()).isTrue();

    assertThat(preparedInArchive()).isEmpty();
    assertThat(archived()).isEmpty();
  }

  @Test
  void measuresHowManyArePreparedAndForHowLongInWhicheverDatabase() throws SQLException {
    SignedXid whole = clock.xid();
    SignedXid part = clock.xid();
    Branch branch = only(move(whole, connection -> {}));
    List<String> first = stock.prepared();
    move(part, connection -> {});
    for (String gid : stock.prepared()) {
      if (!first.contains(gid)) {
        execute(stock.transactions.database().dataSource(), "ROLLBACK PREPARED '" + gid + "'");
      }
    }

    await()
        .untilAsserted(
            () -> {
              measure();
              assertThat(gauge("tenon.global.prepared.open")).isEqualTo(2);
              assertThat(gauge("tenon.global.prepared.oldest.seconds")).isPositive();
            });
    stock.finish(whole, branch, Outcome.COMMITTED);
    stock.abort(part, "1");
    measure();

    assertThat(gauge("tenon.global.prepared.open")).isZero();
    assertThat(gauge("tenon.global.prepared.oldest.seconds")).isZero();
  }

  private void measure() {
    clock.pass(Duration.ofSeconds(31));
    stock.participant.runPending();
  }

  private double gauge(String name) {
    return stock.meters.get(name).gauge().value();
  }

  @Test
  void goesOnWhereAProcessDiedBetweenTheTwo() throws SQLException {
    SignedXid xid = clock.xid();
    Branch branch = only(move(xid, connection -> {}));
    for (String gid : preparedInArchive()) {
      execute(archive, "COMMIT PREPARED '" + gid + "'");
    }
    starter.answers.put(branch.id(), BranchAnswer.COMMIT);

    assertThat(later()).isTrue();

    assertThat(stock.states()).containsExactly("1 COMMITTED");
    assertThat(archived()).containsExactly("2");
  }

  @Test
  void abortsAStepInBothThatIsNotKnownByItsBranch() throws SQLException {
    SignedXid xid = clock.xid();
    move(xid, connection -> {});

    assertThat(stock.abort(xid, "1")).isEqualTo(OrderResult.DONE);

    assertThat(preparedInArchive()).isEmpty();
    assertThat(stock.prepared()).isEmpty();
  }

  @Test
  void refusesAnotherDatabaseOutsideOfAnXaBranch() {
    assertThatThrownBy(() -> stock.participant.connection("archive"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("this thread handles no call that has opened an XA branch");
  }
}
