package dev.tenon.spring;

import static java.util.Objects.requireNonNull;

import dev.tenon.schema.ServiceDatabase;
import dev.tenon.transaction.RolledBackException;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.datasource.ConnectionHolder;
import org.springframework.transaction.ConfigurableTransactionManager;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionStatus;
import org.springframework.transaction.UnexpectedRollbackException;
import org.springframework.transaction.support.DefaultTransactionDefinition;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/**
 * Units of work that are Spring's transactions on the service's own {@code DataSource}, however
 * they were opened: {@code @Transactional}, {@code TransactionTemplate}, or {@link #call}. Whatever
 * uses the same transaction manager, JDBC, JPA and MyBatis alike, commits together with what is
 * recorded here.
 *
 * <p><b>Order at the commit.</b> Spring's synchronizations have all run (MyBatis' batches among
 * them), then JPA is flushed, then records are written, then the last checks, then the commit.
 *
 * <p><b>Nesting.</b> {@code REQUIRES_NEW} is a unit of its own. {@code NESTED} is part of the outer
 * one, and what it recorded is dropped when it rolls back to its savepoint.
 *
 * <p><b>Unknown outcome.</b> When the connection breaks during a commit, the caller of the
 * {@code @Transactional} method gets an {@link UnknownCommitOutcomeException}. Thread-safe.
 */
public final class SpringTransactions implements Transactions {
  private static final Logger log = LoggerFactory.getLogger(SpringTransactions.class);

  private final ServiceDatabase database;
  private final PlatformTransactionManager manager;
  private final List<Consumer<UnitOfWork>> listeners = new CopyOnWriteArrayList<>();

  /**
   * Joins the transactions of a manager. One instance per manager: it listens to it.
   *
   * @param database the service's own database
   * @param manager manages transactions on that database's {@code DataSource}
   * @throws IllegalArgumentException if the manager cannot be listened to
   */
  public SpringTransactions(ServiceDatabase database, PlatformTransactionManager manager) {
    this.database = requireNonNull(database, "database");
    this.manager = requireNonNull(manager, "manager");
    if (!(manager instanceof ConfigurableTransactionManager listened)) {
      throw new IllegalArgumentException(
          "manager: "
              + manager.getClass().getName()
              + " (expected: a ConfigurableTransactionManager such as JdbcTransactionManager or"
              + " JpaTransactionManager)");
    }
    listened.addListener(new CommitListener(this));
  }

  @Override
  public ServiceDatabase database() {
    return database;
  }

  @Override
  public void onBegin(Consumer<UnitOfWork> listener) {
    listeners.add(requireNonNull(listener, "listener"));
  }

  /**
   * The unit of work of the transaction that this thread has open on the service's own database.
   *
   * @return it, or empty if no transaction is open
   * @throws TransactionException if a transaction is open, but on another {@code DataSource}
   */
  @Override
  public Optional<UnitOfWork> current() {
    SpringUnitOfWork unit = unit();
    if (unit == null && TransactionSynchronizationManager.isActualTransactionActive()) {
      throw new TransactionException(
          "Could not use the open transaction "
              + this
              + ": it belongs to another data source or transaction manager. Name the service's"
              + " own: @Transactional(\"<its transaction manager>\").");
    }
    return Optional.ofNullable(unit);
  }

  @Override
  public <T, X extends Exception> T call(Work<T, X> work) throws X {
    SpringUnitOfWork outer = unit();
    if (outer != null && outer.readOnly()) {
      throw new TransactionException(
          "Could not begin a writing unit of work "
              + this
              + ": a read-only transaction is open. Open the writing one outside.");
    }
    return run(work, false);
  }

  @Override
  public <T, X extends Exception> T read(Work<T, X> work) throws X {
    return run(work, true);
  }

  private <T, X extends Exception> T run(Work<T, X> work, boolean readOnly) throws X {
    TransactionStatus status = begin(readOnly);
    SpringUnitOfWork unit;
    T answer;
    try {
      unit = requireNonNull(unit(), "unit");
      answer = work.call(unit);
    } catch (Throwable failure) {
      rollback(status, failure);
      throw failure;
    }
    commit(status, unit);
    return answer;
  }

  private TransactionStatus begin(boolean readOnly) {
    DefaultTransactionDefinition definition = new DefaultTransactionDefinition();
    definition.setReadOnly(readOnly);
    try {
      return manager.getTransaction(definition);
    } catch (org.springframework.transaction.TransactionException e) {
      throw failed("begin a unit of work", e);
    }
  }

  private void rollback(TransactionStatus status, Throwable failure) {
    try {
      manager.rollback(status);
    } catch (RuntimeException e) {
      failure.addSuppressed(e); // the database rolls back what a lost connection left open
    }
  }

  /**
   * Commits. What a synchronization throws after the commit is logged: the commit stands, and the
   * caller, who would do the work again, must not be told otherwise.
   */
  private void commit(TransactionStatus status, SpringUnitOfWork unit) {
    try {
      manager.commit(status);
    } catch (RuntimeException e) {
      if (!unit.committed()) {
        throw refused(e);
      }
      log.atWarn().setCause(e).log("an action after a commit failed; the commit stands");
    }
  }

  private RuntimeException refused(RuntimeException e) {
    return switch (e) {
      case UnexpectedRollbackException unexpected -> {
        RolledBackException refused = new RolledBackException(database.service());
        refused.addSuppressed(unexpected);
        yield refused;
      }
      case org.springframework.transaction.TransactionException failure ->
          failed("commit the unit of work", failure);
      case DataAccessException failure -> failed("commit the unit of work", failure);
      default -> e;
    };
  }

  /** Begins the unit of a transaction that has just been opened. */
  void begun(boolean readOnly) {
    if (TransactionSynchronizationManager.getResource(dataSource())
        instanceof ConnectionHolder held) {
      SpringUnitOfWork unit = new SpringUnitOfWork(this, held, readOnly);
      TransactionSynchronizationManager.bindResource(this, unit);
      if (TransactionSynchronizationManager.isSynchronizationActive()) {
        TransactionSynchronizationManager.registerSynchronization(unit);
      }
      if (!readOnly) {
        listeners.forEach(listener -> listener.accept(unit));
        unit.begun();
      }
    }
  }

  @Nullable SpringUnitOfWork unit() {
    return (SpringUnitOfWork) TransactionSynchronizationManager.getResource(this);
  }

  void unbind(SpringUnitOfWork unit) {
    if (unit() == unit) {
      TransactionSynchronizationManager.unbindResource(this);
    }
  }

  PlatformTransactionManager manager() {
    return manager;
  }

  DataSource dataSource() {
    return database.dataSource();
  }

  TransactionException failed(String what, Exception cause) {
    return new TransactionException(
        "Could not " + what + " " + this + ": " + cause.getMessage() + ". Nothing was committed.",
        cause);
  }

  @Override
  public String toString() {
    return "[service=" + database.service() + "]";
  }
}
