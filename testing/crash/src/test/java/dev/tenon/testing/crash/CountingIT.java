package dev.tenon.testing.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.testing.database.PostgresExtension;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class CountingIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static DataSource database;

  private final Points points = new Points(List.of(), 100);
  private final World world = new World(points, new Connections());

  @BeforeAll
  static void createTables() throws SQLException {
    database = postgres.dataSource(postgres.freshDatabase("counting"));
    TwoServices.execute(
        database,
        "create table t (n int)",
        "create function writes() returns int language sql"
            + " as 'insert into t values (1) returning n'");
  }

  @BeforeEach
  void empty() throws SQLException {
    TwoServices.execute(database, "truncate t");
  }

  @Test
  void countsTransactionsThatWroteAndNoOthers() throws SQLException {
    try (Connection connection = connection()) {
      connection.setAutoCommit(false);
      run(connection, "select n from t");
      connection.commit();
      run(connection, "select writes()");
      connection.commit();
      run(connection, "insert into t values (2)");
      connection.rollback();
    }

    assertThat(points.reached()).extracting(Point::what).containsExactly("select writes()");
  }

  @Test
  void countsWhatWritesInAutoCommitMode() throws SQLException {
    try (Connection connection = connection()) {
      run(connection, "insert into t values (1)");
      run(connection, "select count(*) from t");
      run(connection, "select writes()");
      assertThat(connection.getAutoCommit()).isTrue();
    }

    assertThat(points.reached())
        .extracting(Point::what)
        .containsExactly("insert into t values (1)", "select writes()");
    assertThat(TwoServices.number(database, "select count(*) from t")).isEqualTo(2);
  }

  @Test
  void countsTheCommitOfSetAutoCommit() throws SQLException {
    try (Connection connection = connection()) {
      connection.setAutoCommit(false);
      run(connection, "insert into t values (1)");
      connection.setAutoCommit(true);
    }

    assertThat(points.reached()).hasSize(1);
    assertThat(TwoServices.number(database, "select count(*) from t")).isEqualTo(1);
  }

  @Test
  void countsACommitThatIsAStatement() throws SQLException {
    try (Connection connection = connection()) {
      run(connection, "begin");
      run(connection, "insert into t values (1)");
      run(connection, "commit");
    }

    assertThat(points.reached())
        .extracting(Point::what)
        .contains("begin; insert into t values (1); commit");
  }

  @Test
  void givesAStatementTheCountedConnection() throws SQLException {
    try (Connection connection = connection();
        Statement statement = connection.createStatement()) {
      assertThat(statement.getConnection()).isSameAs(connection);
    }
  }

  @Test
  void namesTheCodeThatCommitted() throws SQLException {
    try (Connection connection = connection()) {
      run(connection, "insert into t values (1)");
    }

    assertThat(points.reached().getFirst().site().getFirst()).contains("CountingIT.run(");
  }

  @Test
  void rollsBackAndRefusesEverythingOnceTheWorldHasEnded() throws SQLException {
    Connection connection = connection();
    connection.setAutoCommit(false);
    run(connection, "insert into t values (1)");

    world.end();

    assertThatThrownBy(connection::commit).isInstanceOf(SimulatedCrash.class);
    assertThatThrownBy(() -> run(connection, "select 1")).isInstanceOf(SimulatedCrash.class);
    assertThatThrownBy(this::connection).isInstanceOf(SimulatedCrash.class);
    assertThat(connection.isClosed()).isTrue();
    connection.close();
    assertThat(TwoServices.number(database, "select count(*) from t")).isZero();
  }

  private Connection connection() throws SQLException {
    return world.dataSource("p", database).getConnection();
  }

  private static void run(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }
}
