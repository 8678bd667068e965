package dev.tenon.spring;

import dev.tenon.transaction.RolledBackException;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.springframework.transaction.TransactionExecution;
import org.springframework.transaction.TransactionExecutionListener;
import org.springframework.util.ClassUtils;

/**
 * Follows every transaction of one manager: opens its unit of work, writes the records right before
 * the commit, and finds out whether a failed commit has an unknown outcome.
 *
 * <p>A listener of the manager rather than a {@code TransactionSynchronization}: it runs after all
 * synchronizations, so that what they publish is written too; and only here can a failed commit be
 * replaced by another exception. Thread-safe.
 */
final class CommitListener implements TransactionExecutionListener {
  private static final boolean JPA_PRESENT =
      ClassUtils.isPresent(
              "org.springframework.orm.jpa.EntityManagerHolder",
              CommitListener.class.getClassLoader())
          && ClassUtils.isPresent(
              "jakarta.persistence.EntityManager", CommitListener.class.getClassLoader());

  private final SpringTransactions transactions;

  /** Commits that are under way, with the driver's own connection. */
  private final Map<TransactionExecution, Commit> commits = new ConcurrentHashMap<>();

  private record Commit(Connection connection) {}

  /** A unit that has ended, with its commit if there was one. */
  private record Ended(SpringUnitOfWork unit, @Nullable Commit commit) {}

  CommitListener(SpringTransactions transactions) {
    this.transactions = transactions;
  }

  @Override
  public void afterBegin(TransactionExecution transaction, @Nullable Throwable beginFailure) {
    if (beginFailure == null && transaction.isNewTransaction()) {
      transactions.begun(transaction.isReadOnly());
    }
  }

  @Override
  public void beforeCommit(TransactionExecution transaction) {
    SpringUnitOfWork unit = transactions.unit();
    if (unit == null || !transaction.isNewTransaction()) {
      return; // a savepoint is released: nothing is committed yet
    }
    if (unit.rollbackOnly()) {
      throw new RolledBackException(transactions.database().service());
    }
    if (JPA_PRESENT && !unit.readOnly()) {
      JpaFlush.flushJoined(transactions.manager());
    }
    unit.writeRecords();
    if (!unit.readOnly()) {
      refuseDoomed(unit.rawConnection());
      commits.put(transaction, new Commit(driverConnection(unit.rawConnection())));
      unit.commitOtherwise();
    }
  }

  /** The database would answer the commit by rolling back, and the driver might not say so. */
  private void refuseDoomed(Connection connection) {
    boolean doomed;
    try {
      doomed = transactions.database().dialect().doomed(connection);
    } catch (SQLException e) {
      throw transactions.failed("commit the transaction", e);
    }
    if (doomed) {
      throw new TransactionException(
          "Could not commit the transaction "
              + transactions
              + ": a statement had failed, and its exception was swallowed. Nothing was"
              + " committed.");
    }
  }

  @Override
  public void afterCommit(TransactionExecution transaction, @Nullable Throwable commitFailure) {
    Ended ended = ended(transaction);
    if (ended == null) {
      return;
    }
    if (commitFailure == null) {
      ended.unit().ended(UnitOfWork.Ending.COMMITTED);
    } else if (ended.commit() != null
        && (isLost(ended.commit()) || connectionLost(commitFailure))) {
      ended.unit().ended(UnitOfWork.Ending.UNKNOWN);
      throw new UnknownCommitOutcomeException(transactions.database().service(), commitFailure);
    } else {
      ended.unit().ended(UnitOfWork.Ending.ROLLED_BACK);
    }
  }

  /** Comes after a plain rollback, and after a commit that failed and was followed by one. */
  @Override
  public void afterRollback(TransactionExecution transaction, @Nullable Throwable rollbackFailure) {
    Ended ended = ended(transaction);
    if (ended == null) {
      return;
    }
    if (ended.commit() != null && (rollbackFailure != null || isLost(ended.commit()))) {
      ended.unit().ended(UnitOfWork.Ending.UNKNOWN);
      Throwable cause =
          rollbackFailure != null ? rollbackFailure : new SQLException("the connection is closed");
      throw new UnknownCommitOutcomeException(transactions.database().service(), cause);
    }
    ended.unit().ended(UnitOfWork.Ending.ROLLED_BACK);
  }

  private @Nullable Ended ended(TransactionExecution transaction) {
    Commit commit = commits.remove(transaction);
    SpringUnitOfWork unit = transactions.unit();
    if (unit == null || !transaction.isNewTransaction()) {
      return null;
    }
    transactions.unbind(unit);
    return new Ended(unit, commit);
  }

  private boolean connectionLost(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException sql
          && transactions.database().dialect().connectionLost(sql)) {
        return true;
      }
    }
    return false;
  }

  /** A driver closes its connection when the line breaks; a pool's wrapper is closed for less. */
  private static boolean isLost(Commit commit) {
    try {
      return commit.connection().isClosed();
    } catch (SQLException e) {
      return true; // it cannot even say
    }
  }

  private static Connection driverConnection(Connection connection) {
    try {
      return connection.isWrapperFor(Connection.class)
          ? connection.unwrap(Connection.class)
          : connection;
    } catch (SQLException e) {
      return connection; // the wrapper's own answer then has to do
    }
  }
}
