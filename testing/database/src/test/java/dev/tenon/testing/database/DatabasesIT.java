package dev.tenon.testing.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class DatabasesIT {

  private static final String ACCESS_DENIED = "42501";
  private static final String WRONG_PASSWORD = "28P01";

  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  @Test
  void refusesTheLoginOfAnotherDatabase() {
    Database order = postgres.freshDatabase("order");
    Database payment = postgres.freshDatabase("payment");

    assertThatThrownBy(
            () -> DriverManager.getConnection(payment.jdbcUrl(), order.user(), order.password()))
        .isInstanceOfSatisfying(
            SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo(ACCESS_DENIED));
    assertThatThrownBy(
            () ->
                DriverManager.getConnection(
                    postgres.server().url("postgres"), order.user(), order.password()))
        .isInstanceOfSatisfying(
            SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo(ACCESS_DENIED));
    assertThatThrownBy(() -> DriverManager.getConnection(order.jdbcUrl(), order.user(), "guessed"))
        .isInstanceOfSatisfying(
            SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo(WRONG_PASSWORD));
  }

  @Test
  void letsTheOwnerCreateTablesInItsDatabase() throws SQLException {
    Database order = postgres.freshDatabase("order");

    Sql.execute(postgres.dataSource(order), "CREATE SCHEMA tenon CREATE TABLE t (id int)");
    Sql.execute(postgres.dataSource(order), "CREATE TABLE t (id int)");

    assertThat(Sql.ask(postgres.dataSource(order), "SELECT current_user")).isEqualTo(order.user());
  }

  @Test
  void createsTheSameDatabaseTwiceWithoutLoss() throws SQLException {
    PostgresServer server = postgres.server();
    Database first = server.createDatabase("stock", "keeper", "one");
    Sql.execute(server.dataSource(first), "CREATE TABLE item AS SELECT 5 AS id");

    Database second = server.createDatabase("stock", "keeper", "two");

    assertThat(Sql.ask(server.dataSource(second), "SELECT id FROM item")).isEqualTo("5");
    server.dropDatabaseAndLogin(second);
  }

  @Test
  void quotesUnusualNames() throws SQLException {
    PostgresServer server = postgres.server();
    Database odd = server.createDatabase("Ünü'sual \"name\" /?&", "O'Neil", "p'a\\ss");

    assertThat(Sql.ask(server.dataSource(odd), "SELECT current_database()")).isEqualTo(odd.name());
    assertThat(odd.toString()).doesNotContain("p'a");
    server.dropDatabaseAndLogin(odd);
  }

  @Test
  void dropsADatabaseInUse() throws SQLException {
    Database order = postgres.freshDatabase("order");
    try (Connection open = postgres.dataSource(order).getConnection()) {
      postgres.server().dropDatabase(order);

      assertThat(open.isValid(5)).isFalse();
    }
    postgres.server().dropDatabase(order);
  }

  @Test
  void dropsADatabaseInWhichTransactionsArePrepared() throws SQLException {
    Database order = postgres.freshDatabase("order");
    try (Connection open = postgres.dataSource(order).getConnection();
        Statement statement = open.createStatement()) {
      statement.execute("CREATE TABLE item (id int)");
      open.setAutoCommit(false);
      statement.execute("INSERT INTO item VALUES (1)");
      statement.execute("PREPARE TRANSACTION 'it''s prepared'");
    }

    postgres.server().dropDatabase(order);

    assertThat(
            Sql.ask(
                postgres.server().superuserDataSource("postgres"),
                "SELECT count(*) FROM pg_prepared_xacts"))
        .isEqualTo("0");
  }

  @Test
  void createsDatabasesFromManyThreads() throws Exception {
    List<Future<Database>> created = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 6; i++) {
        created.add(threads.submit(() -> postgres.freshDatabase("many")));
      }
    }
    for (Future<Database> database : created) {
      assertThat(Sql.ask(postgres.dataSource(database.get()), "SELECT 1")).isEqualTo("1");
    }
  }

  @Test
  void connectsTheSuperuserByItsUrlAlone() throws SQLException {
    String url = postgres.server().superuserUrl("postgres");

    try (Connection connection = DriverManager.getConnection(url)) {
      assertThat(connection.getMetaData().getUserName()).isEqualTo("postgres");
    }
  }

  @Test
  void refusesNamesThatPostgresWouldCut() {
    assertThatThrownBy(() -> postgres.server().createDatabase("x".repeat(64)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageEndingWith("(expected: 1..63 bytes)");
    assertThatThrownBy(() -> postgres.server().createDatabase("x", "postgres", "secret"))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
