package dev.tenon.transaction;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class JdbcTransactionsIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static Database database;
  private static HikariDataSource pool;
  private static Transactions transactions;

  private final List<String> afterwards = new ArrayList<>();

  @BeforeAll
  static void open() throws SQLException {
    database = postgres.freshDatabase("unit");
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.jdbcUrl());
    config.setUsername(database.user());
    config.setPassword(database.password());
    config.setMaximumPoolSize(1);
    config.setConnectionTimeout(500);
    pool = new HikariDataSource(config);
    transactions = over(pool);
    try (Connection connection = postgres.dataSource(database).getConnection();
        var statement = connection.createStatement()) {
      statement.execute("CREATE TABLE item (name text PRIMARY KEY)");
      statement.execute(
          "CREATE TABLE part (item text REFERENCES item (name) DEFERRABLE INITIALLY DEFERRED)");
    }
  }

  @BeforeEach
  void empty() throws SQLException {
    try (Connection connection = postgres.dataSource(database).getConnection();
        var statement = connection.createStatement()) {
      statement.execute("TRUNCATE item CASCADE");
    }
  }

  @AfterAll
  static void close() {
    pool.close();
  }

  private static Transactions over(DataSource dataSource) {
    return Transactions.of(ServiceDatabase.builder("unit", dataSource).open());
  }

  private static void execute(UnitOfWork unit, String sql) throws SQLException {
    try (var statement = unit.connection().createStatement()) {
      statement.execute(sql);
    }
  }

  private static void add(UnitOfWork unit, String name) throws SQLException {
    execute(unit, "INSERT INTO item VALUES ('" + name + "')");
  }

  @Test
  void tellsListenersOfEachWritingUnitAndHowItEnded() throws SQLException {
    Transactions heard = over(pool);
    heard.onBegin(unit -> unit.afterEnd(ending -> afterwards.add(ending.name())));

    heard.<SQLException>run(unit -> heard.<SQLException>run(joined -> add(joined, "a")));
    heard.read(unit -> true);
    assertThatThrownBy(() -> heard.run(UnitOfWork::setRollbackOnly))
        .isInstanceOf(RolledBackException.class);
    assertThatThrownBy(
            () ->
                heard.<SQLException>run(unit -> execute(unit, "INSERT INTO part VALUES ('none')")))
        .isInstanceOf(TransactionException.class);

    assertThat(afterwards).containsExactly("COMMITTED", "ROLLED_BACK", "ROLLED_BACK");
  }

  private static List<String> items() throws SQLException {
    try (Connection connection = postgres.dataSource(database).getConnection();
        var statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT name FROM item ORDER BY 1")) {
      List<String> names = new ArrayList<>();
      while (row.next()) {
        names.add(row.getString(1));
      }
      return names;
    }
  }

  @Test
  void commitsAndThenRunsWhatWaitedForTheCommit() throws SQLException {
    String answer =
        transactions.<String, SQLException>call(
            unit -> {
              add(unit, "one");
              unit.afterCommit(
                  () -> afterwards.add("current: " + transactions.current().isPresent()));
              assertThat(transactions.current()).containsSame(unit);
              return "done";
            });

    assertThat(answer).isEqualTo("done");
    assertThat(items()).containsExactly("one");
    assertThat(afterwards).containsExactly("current: false");
    assertThat(transactions.current()).isEmpty();
  }

  @Test
  void rollsBackOnEveryKindOfFailureAndHandsItOnAsItIs() throws SQLException {
    for (Throwable failure :
        List.of(
            new IOException("checked"),
            new IllegalStateException("unchecked"),
            new AssertionError("error"))) {
      assertThatThrownBy(
              () ->
                  transactions.<Exception>run(
                      unit -> {
                        add(unit, "never");
                        unit.afterCommit(() -> afterwards.add("never"));
                        throwAny(failure);
                      }))
          .isSameAs(failure);
      assertThat(transactions.current()).isEmpty();
    }

    assertThat(items()).isEmpty();
    assertThat(afterwards).isEmpty();
  }

  private static void throwAny(Throwable failure) throws Exception {
    if (failure instanceof Error error) {
      throw error;
    }
    throw (Exception) failure;
  }

  @Test
  void joinsTheUnitThatIsOpen() throws SQLException {
    transactions.<SQLException>run(
        outer -> {
          add(outer, "outer");
          transactions.<SQLException>run(
              inner -> {
                assertThat(inner).isSameAs(outer);
                add(inner, "inner");
              });
          assertThat(items()).isEmpty();
        });

    assertThat(items()).containsExactly("inner", "outer");
  }

  @Test
  void commitsNothingWhenTheFailureOfJoinedWorkIsSwallowed() throws SQLException {
    assertThatThrownBy(
            () ->
                transactions.<SQLException>run(
                    outer -> {
                      add(outer, "outer");
                      outer.afterCommit(() -> afterwards.add("never"));
                      assertThatThrownBy(
                              () ->
                                  transactions.run(
                                      inner -> {
                                        throw new IllegalStateException("inner");
                                      }))
                          .hasMessage("inner");
                    }))
        .isInstanceOf(RolledBackException.class)
        .hasMessageContaining("[service=unit]: joined work failed or asked for rollback");

    assertThat(items()).isEmpty();
    assertThat(afterwards).isEmpty();
  }

  @Test
  void commitsNothingWhenAFailedStatementIsSwallowed() throws SQLException {
    assertThatThrownBy(
            () ->
                transactions.<SQLException>run(
                    unit -> {
                      add(unit, "one");
                      assertThatThrownBy(() -> add(unit, "one")).hasMessageContaining("duplicate");
                    }))
        .isInstanceOf(TransactionException.class)
        .isNotInstanceOf(UnknownCommitOutcomeException.class)
        .hasMessageContaining(
            "a statement had failed, and its exception did not reach the unit. Nothing was"
                + " committed.");

    assertThat(items()).isEmpty();
  }

  @Test
  void refusesToWriteInReadOnlyWork() throws SQLException {
    assertThatThrownBy(
            () ->
                transactions.<Boolean, SQLException>read(
                    unit -> {
                      add(unit, "never");
                      return true;
                    }))
        .hasMessageContaining("read-only transaction");
    assertThatThrownBy(() -> transactions.read(unit -> transactions.call(inner -> "never reached")))
        .isInstanceOf(TransactionException.class)
        .hasMessageContaining("a read-only one is open. Open the writing one outside.");
    assertThatThrownBy(
            () ->
                transactions.read(
                    unit -> {
                      unit.record((connection, records) -> {}, "record");
                      return true;
                    }))
        .isInstanceOf(TransactionException.class)
        .hasMessageContaining("it is read-only");

    assertThat(items()).isEmpty();
  }

  @Test
  void joinsReadingWorkToAWritingUnit() throws SQLException {
    int seen =
        transactions.<Integer, SQLException>call(
            unit -> {
              add(unit, "one");
              return transactions.<Integer, SQLException>read(
                  inner -> {
                    assertThat(inner.readOnly()).isFalse();
                    try (var statement = inner.connection().createStatement();
                        ResultSet row = statement.executeQuery("SELECT count(*) FROM item")) {
                      row.next();
                      return row.getInt(1);
                    }
                  });
            });

    assertThat(seen).isEqualTo(1);
  }

  @Test
  void returnsConnectionsAsItFoundThem() throws SQLException {
    transactions.read(unit -> unit.readOnly());
    assertThatThrownBy(
            () ->
                transactions.run(
                    unit -> {
                      throw new IllegalStateException("rolled back");
                    }))
        .hasMessage("rolled back");
    try (Connection connection = pool.getConnection()) {
      assertThat(connection.getAutoCommit()).isTrue();
      assertThat(connection.isReadOnly()).isFalse();
    }

    HikariConfig config = new HikariConfig();
    config.setDataSource(postgres.dataSource(database));
    config.setAutoCommit(false);
    config.setMaximumPoolSize(1);
    try (HikariDataSource manual = new HikariDataSource(config)) {
      over(manual).<SQLException>run(unit -> add(unit, "one"));
      try (Connection connection = manual.getConnection()) {
        assertThat(connection.getAutoCommit()).isFalse();
      }
    }
    assertThat(items()).containsExactly("one");
  }

  @Test
  void refusesToEndTheTransactionBehindItsBackAndLeavesSavepointsFree() throws SQLException {
    transactions.<SQLException>run(
        unit -> {
          Connection connection = unit.connection();
          add(unit, "one");
          assertThatThrownBy(connection::commit)
              .isInstanceOf(SQLException.class)
              .hasMessage(
                  "Could not commit the connection of a unit of work: the unit does that itself."
                      + " Return to commit, throw or call setRollbackOnly() to roll back.");
          assertThatThrownBy(connection::rollback).hasMessageContaining("Could not rollback");
          assertThatThrownBy(connection::close).hasMessageContaining("Could not close");
          assertThatThrownBy(() -> connection.setAutoCommit(true))
              .hasMessageContaining("Could not setAutoCommit");
          var savepoint = connection.setSavepoint();
          add(unit, "two");
          connection.rollback(savepoint);
        });

    assertThat(items()).containsExactly("one");
  }

  @Test
  void saysThatThePoolIsExhausted() {
    transactions.run(
        held ->
            assertThatThrownBy(() -> over(pool))
                .hasMessageContaining("Could not open the database"));
    Transactions other = over(pool);
    assertThatThrownBy(() -> transactions.run(held -> other.run(unit -> {})))
        .isInstanceOf(TransactionException.class)
        .hasMessageContaining("Could not begin a unit of work [service=unit]")
        .hasMessageContaining("Connection is not available")
        .hasMessageContaining("the pool is large enough");
  }

  @Test
  void saysThatTheOutcomeIsUnknownWhenTheConnectionBreaksBeforeTheCommit() throws SQLException {
    Transactions breaking =
        over(
            BrokenCommits.of(
                postgres.dataSource(database),
                real -> {
                  terminate(real);
                  real.commit();
                }));

    assertThatThrownBy(() -> breaking.<SQLException>run(unit -> addAndWait(unit, "perhaps")))
        .isInstanceOf(UnknownCommitOutcomeException.class)
        .hasMessageContaining("Look up whether the work is there before you repeat it.");

    assertThat(items()).isEmpty();
    assertThat(afterwards).isEmpty();
  }

  @Test
  void saysThatTheOutcomeIsUnknownWhenTheAnswerOfTheCommitIsLost() throws SQLException {
    Transactions breaking =
        over(
            BrokenCommits.of(
                postgres.dataSource(database),
                real -> {
                  real.commit();
                  throw new SQLException("An I/O error occurred", "08006");
                }));

    assertThatThrownBy(() -> breaking.<SQLException>run(unit -> addAndWait(unit, "perhaps")))
        .isInstanceOf(UnknownCommitOutcomeException.class);

    assertThat(items()).containsExactly("perhaps");
    assertThat(afterwards).isEmpty();
  }

  private void addAndWait(UnitOfWork unit, String name) throws SQLException {
    add(unit, name);
    unit.afterCommit(() -> afterwards.add("never"));
  }

  private static void terminate(Connection victim) throws SQLException {
    try (var statement = victim.createStatement();
        ResultSet row = statement.executeQuery("SELECT pg_backend_pid()");
        Connection other = postgres.dataSource(database).getConnection();
        var kill = other.prepareStatement("SELECT pg_terminate_backend(?, 5000)")) {
      row.next();
      kill.setInt(1, row.getInt(1));
      kill.execute();
    }
  }

  @Test
  void knowsThatACommitWhichTheDatabaseRefusesDidNotHappen() throws SQLException {
    assertThatThrownBy(
            () ->
                transactions.<SQLException>run(
                    unit -> {
                      add(unit, "one");
                      execute(unit, "INSERT INTO part VALUES ('missing')");
                    }))
        .isInstanceOf(TransactionException.class)
        .isNotInstanceOf(UnknownCommitOutcomeException.class)
        .hasMessageContaining("foreign key")
        .hasMessageContaining("Nothing was committed.");

    assertThat(items()).isEmpty();
  }

  @Test
  void writesRecordsInBatchesByTheirRecorderAndTheChecksLast() throws SQLException {
    UnitOfWork.Recorder<String> first = (connection, records) -> afterwards.add("first " + records);
    UnitOfWork.Recorder<String> second =
        (connection, records) -> afterwards.add("second " + records);

    transactions.run(
        unit -> {
          unit.beforeCommit(connection -> afterwards.add("check"));
          unit.record(first, "a");
          unit.record(second, "b");
          unit.record(first, "c");
          assertThat(afterwards).isEmpty();
        });

    assertThat(afterwards).containsExactly("first [a, c]", "second [b]", "check");
  }

  @Test
  void rollsBackWhenARecordCannotBeWrittenOrACheckFails() throws SQLException {
    assertThatThrownBy(
            () ->
                transactions.<SQLException>run(
                    unit -> {
                      addAndWait(unit, "one");
                      unit.beforeCommit(
                          connection -> {
                            throw new SQLException("the fence moved");
                          });
                    }))
        .isInstanceOf(TransactionException.class)
        .hasMessageContaining("the fence moved. Nothing was committed.");

    assertThat(items()).isEmpty();
    assertThat(afterwards).isEmpty();
  }

  @Test
  void tellsNobodyThatACommitFailedBecauseOfWhatCameAfterIt() throws SQLException {
    assertThatCode(
            () ->
                transactions.<SQLException>run(
                    unit -> {
                      add(unit, "one");
                      unit.afterCommit(
                          () -> {
                            throw new IllegalStateException("later");
                          });
                      unit.afterCommit(() -> afterwards.add("the next"));
                    }))
        .doesNotThrowAnyException();

    assertThat(items()).containsExactly("one");
    assertThat(afterwards).containsExactly("the next");
  }
}
