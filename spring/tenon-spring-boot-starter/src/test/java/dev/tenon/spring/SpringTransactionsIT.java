package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.springframework.transaction.TransactionDefinition.PROPAGATION_NESTED;
import static org.springframework.transaction.TransactionDefinition.PROPAGATION_NOT_SUPPORTED;
import static org.springframework.transaction.TransactionDefinition.PROPAGATION_REQUIRES_NEW;

import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.RolledBackException;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.io.IOException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.dao.DataAccessException;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.UnexpectedRollbackException;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.transaction.support.TransactionTemplate;

class SpringTransactionsIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final SpiedDatabase database =
      new SpiedDatabase(postgres.server(), postgres.freshDatabase("order"));
  private final JdbcTransactionManager manager = new JdbcTransactionManager(database);
  private final JdbcClient jdbc = JdbcClient.create(database);
  private final SpringTransactions transactions =
      new SpringTransactions(ServiceDatabase.builder("order", database).open(), manager);
  private final Recording recording = new Recording(transactions);

  @BeforeEach
  void createTables() {
    jdbc.sql(Recording.TABLE).update();
    jdbc.sql("CREATE TABLE business (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)").update();
  }

  @Test
  void writesRecordsWithTheCommit() {
    template(0)
        .executeWithoutResult(
            status -> {
              recording.record("a");
              insertBusiness(1);
              assertThat(recorded()).isEmpty();
              recording.record("b");
            });

    assertThat(recorded()).containsExactly("a", "b");
  }

  @Test
  void dropsRecordsWithTheRollback() {
    assertThatThrownBy(
            () ->
                template(0)
                    .executeWithoutResult(
                        status -> {
                          recording.record("a");
                          throw new IllegalStateException("no");
                        }))
        .isInstanceOf(IllegalStateException.class);

    assertThat(recorded()).isEmpty();
    assertThat(transactions.current()).isEmpty();
  }

  @Test
  void dropsWhatANestedPartRecordedThatRollsBack() {
    template(0)
        .executeWithoutResult(
            outer -> {
              recording.record("before");
              template(PROPAGATION_NESTED)
                  .executeWithoutResult(
                      nested -> {
                        recording.record("dropped");
                        nested.setRollbackOnly();
                      });
              template(PROPAGATION_NESTED).executeWithoutResult(nested -> recording.record("kept"));
              recording.record("after");
            });

    assertThat(recorded()).containsExactly("before", "kept", "after");
  }

  @Test
  void givesANewTransactionAUnitOfItsOwn() {
    template(0)
        .executeWithoutResult(
            outer -> {
              recording.record("outer");
              template(PROPAGATION_REQUIRES_NEW)
                  .executeWithoutResult(inner -> recording.record("inner"));
              assertThat(recorded()).containsExactly("inner");
              recording.record("outer again");
              outer.setRollbackOnly();
            });

    assertThat(recorded()).containsExactly("inner");
  }

  @Test
  void writesWhatIsRecordedWhileSynchronizationsRunBeforeTheCommit() {
    template(0)
        .executeWithoutResult(
            status ->
                TransactionSynchronizationManager.registerSynchronization(
                    new TransactionSynchronization() {
                      @Override
                      public void beforeCommit(boolean readOnly) {
                        recording.record("late");
                      }
                    }));

    assertThat(recorded()).containsExactly("late");
  }

  @Test
  void refusesToRecordAfterTheCommit() {
    List<Throwable> refused = new ArrayList<>();

    template(0)
        .executeWithoutResult(
            status ->
                TransactionSynchronizationManager.registerSynchronization(
                    new TransactionSynchronization() {
                      @Override
                      public void afterCommit() {
                        try {
                          recording.record("too late");
                        } catch (TransactionException e) {
                          refused.add(e);
                        }
                      }
                    }));

    assertThat(refused).singleElement().asString().contains("is committed", "new transaction");
    assertThat(recorded()).isEmpty();
  }

  @Test
  void doesNotSayThatACommitFailedWhenWhatFollowsItFails() {
    for (RuntimeException failure :
        List.of(
            new IllegalStateException("after"),
            new DuplicateKeyException("after"),
            new UnexpectedRollbackException("after"))) {
      transactions.run(
          unit -> {
            recording.record("a");
            TransactionSynchronizationManager.registerSynchronization(
                new TransactionSynchronization() {
                  @Override
                  public void afterCommit() {
                    throw failure;
                  }
                });
          });
    }

    assertThat(recorded()).containsExactly("a", "a", "a");
    assertThat(transactions.current()).isEmpty();
  }

  @Test
  void refusesToRecordInAReadOnlyTransaction() {
    TransactionTemplate readOnly = template(0);
    readOnly.setReadOnly(true);

    assertThatThrownBy(() -> readOnly.executeWithoutResult(status -> recording.record("a")))
        .isInstanceOf(TransactionException.class)
        .hasMessage(
            "Could not record in the open transaction [service=order]: it is read-only. Use"
                + " @Transactional without readOnly = true.");
    assertThatThrownBy(
            () ->
                readOnly.executeWithoutResult(
                    status -> transactions.run(unit -> insertBusiness(1))))
        .isInstanceOf(TransactionException.class)
        .hasMessageContaining("a read-only transaction is open");
  }

  @Test
  void refusesATransactionOfAnotherDataSource() {
    DataSource other = postgres.dataSource(postgres.freshDatabase("other"));
    TransactionTemplate foreign = new TransactionTemplate(new JdbcTransactionManager(other));

    assertThatThrownBy(() -> foreign.executeWithoutResult(status -> recording.record("a")))
        .isInstanceOf(TransactionException.class)
        .hasMessageContaining("it belongs to another data source");
    foreign.executeWithoutResult(status -> transactions.run(unit -> recording.record("own")));

    assertThat(recorded()).containsExactly("own");
  }

  @Test
  void hasNoUnitOutsideOfATransaction() {
    assertThat(transactions.current()).isEmpty();
    template(0)
        .executeWithoutResult(
            outer ->
                template(PROPAGATION_NOT_SUPPORTED)
                    .executeWithoutResult(
                        suspended -> assertThat(transactions.current()).isEmpty()));
  }

  @Test
  void opensAUnitOrJoinsTheOpenTransaction() {
    transactions.run(
        outer -> {
          recording.record("a");
          transactions.run(inner -> assertThat(inner).isSameAs(outer));
        });
    template(0)
        .executeWithoutResult(
            status -> {
              transactions.run(unit -> recording.record("b"));
              status.setRollbackOnly();
            });

    assertThat(recorded()).containsExactly("a");
    assertThat(transactions.<Boolean, RuntimeException>read(unit -> unit.readOnly())).isTrue();
  }

  @Test
  void guardsTheConnectionOfTheUnit() {
    transactions.run(
        unit ->
            assertThatThrownBy(() -> unit.connection().commit())
                .isInstanceOf(SQLException.class)
                .hasMessageContaining("the unit does that itself"));
  }

  @Test
  void passesCheckedExceptionsAndRollsBack() {
    assertThatThrownBy(
            () ->
                transactions.run(
                    unit -> {
                      recording.record("a");
                      throw new IOException("disk");
                    }))
        .isInstanceOf(IOException.class);

    assertThat(recorded()).isEmpty();
  }

  @Test
  void refusesTheCommitWhenJoinedWorkFailedUnnoticed() {
    assertThatThrownBy(
            () ->
                transactions.run(
                    outer -> {
                      try {
                        transactions.run(
                            inner -> {
                              throw new IllegalStateException("swallowed");
                            });
                      } catch (IllegalStateException e) {
                        recording.record("swallowed");
                      }
                    }))
        .isInstanceOf(RolledBackException.class);
    assertThatThrownBy(
            () ->
                template(0)
                    .executeWithoutResult(
                        status -> transactions.current().orElseThrow().setRollbackOnly()))
        .isInstanceOf(RolledBackException.class);
    assertThatThrownBy(
            () ->
                template(0)
                    .executeWithoutResult(
                        status -> {
                          recording.record("a");
                          template(0).executeWithoutResult(inner -> inner.setRollbackOnly());
                        }))
        .isInstanceOf(UnexpectedRollbackException.class);

    assertThat(recorded()).isEmpty();
  }

  @Test
  void runsActionsAfterTheCommitOnly() {
    List<String> ran = new ArrayList<>();

    template(0)
        .executeWithoutResult(
            status -> {
              transactions.current().orElseThrow().afterCommit(() -> ran.add("committed"));
              assertThat(ran).isEmpty();
            });
    template(0)
        .executeWithoutResult(
            status -> {
              transactions.current().orElseThrow().afterCommit(() -> ran.add("rolled back"));
              status.setRollbackOnly();
            });

    assertThat(ran).containsExactly("committed");
  }

  @Test
  void saysThatTheOutcomeIsUnknownWhenTheConnectionBreaksDuringTheCommit() {
    assertThatThrownBy(
            () ->
                template(0)
                    .executeWithoutResult(
                        status -> {
                          insertBusiness(1);
                          recording.record("a");
                          database.killAtNextCommitOfThisThread();
                        }))
        .isInstanceOf(UnknownCommitOutcomeException.class)
        .hasMessageContaining("[service=order]");
    assertThatThrownBy(
            () ->
                transactions.run(
                    unit -> {
                      insertBusiness(1);
                      database.killAtNextCommitOfThisThread();
                    }))
        .isInstanceOf(UnknownCommitOutcomeException.class);

    assertThat(transactions.current()).isEmpty();
    template(0).executeWithoutResult(status -> recording.record("works again"));
    assertThat(recorded()).containsExactly("works again");
  }

  @Test
  void refusesTheCommitWhenTheExceptionOfAStatementWasSwallowed() {
    assertThatThrownBy(
            () ->
                template(0)
                    .executeWithoutResult(
                        status -> {
                          insertBusiness(1);
                          assertThatThrownBy(
                                  () -> jdbc.sql("SELECT 1 / 0").query(Integer.class).single())
                              .isInstanceOf(DataAccessException.class);
                        }))
        .isInstanceOf(TransactionException.class)
        .hasMessageContaining("a statement had failed")
        .hasMessageContaining("Nothing was committed");
  }

  @Test
  void knowsTheOutcomeWhenTheDatabaseRefusesTheCommit() {
    insertBusiness(1);

    assertThatThrownBy(() -> template(0).executeWithoutResult(status -> insertBusiness(1)))
        .isInstanceOf(DataAccessException.class);
    assertThatThrownBy(() -> transactions.run(unit -> insertBusiness(1)))
        .isInstanceOf(TransactionException.class)
        .isNotInstanceOf(UnknownCommitOutcomeException.class)
        .hasMessageContaining("Nothing was committed");
  }

  @Test
  void tellsListenersOfEachWritingTransactionAndHowItEnded() {
    List<String> heard = new ArrayList<>();
    transactions.onBegin(unit -> unit.afterEnd(ending -> heard.add(ending.name())));
    transactions.onBegin(unit -> unit.beforeCommit(connection -> heard.add("check")));

    template(0)
        .executeWithoutResult(
            status ->
                template(PROPAGATION_NESTED).executeWithoutResult(part -> part.setRollbackOnly()));
    template(0).executeWithoutResult(status -> status.setRollbackOnly());
    transactions.read(unit -> true);
    assertThatThrownBy(
            () ->
                template(0)
                    .executeWithoutResult(
                        status -> {
                          insertBusiness(1);
                          insertBusiness(1);
                        }))
        .isInstanceOf(DataAccessException.class);
    assertThatThrownBy(
            () ->
                template(0)
                    .executeWithoutResult(
                        status -> {
                          insertBusiness(2);
                          database.killAtNextCommitOfThisThread();
                        }))
        .isInstanceOf(UnknownCommitOutcomeException.class);

    assertThat(heard)
        .containsExactly(
            "check", "COMMITTED", "ROLLED_BACK", "check", "ROLLED_BACK", "check", "UNKNOWN");
  }

  private void insertBusiness(int id) {
    jdbc.sql("INSERT INTO business VALUES (?)").param(id).update();
  }

  private List<String> recorded() {
    return JdbcClient.create(database.unspied())
        .sql("SELECT text FROM recorded ORDER BY seq")
        .query(String.class)
        .list();
  }

  private TransactionTemplate template(int propagation) {
    TransactionTemplate template = new TransactionTemplate(manager);
    template.setPropagationBehavior(propagation);
    return template;
  }
}
