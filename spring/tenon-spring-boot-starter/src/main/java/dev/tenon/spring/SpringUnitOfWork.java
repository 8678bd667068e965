package dev.tenon.spring;

import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.Committing;
import dev.tenon.transaction.spi.GuardedConnection;
import dev.tenon.transaction.spi.UnitOfWorkBuffer;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.datasource.ConnectionHolder;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/**
 * The unit of work of one Spring transaction: begun with it, bound to its thread, unbound while it
 * is suspended, and put back to a savepoint when its nested part rolls back.
 */
final class SpringUnitOfWork implements UnitOfWork, Committing, TransactionSynchronization {
  private final SpringTransactions transactions;
  private final ConnectionHolder holder;
  private final boolean readOnly;
  private final UnitOfWorkBuffer buffer = new UnitOfWorkBuffer();
  private final Map<Object, UnitOfWorkBuffer.Mark> savepoints = new IdentityHashMap<>();
  private UnitOfWorkBuffer.Mark begin = buffer.mark();
  private @Nullable Connection guarded;
  private @Nullable LastCheck commit;
  private boolean rollbackOnly;
  private boolean written;
  private boolean committed;

  SpringUnitOfWork(SpringTransactions transactions, ConnectionHolder holder, boolean readOnly) {
    this.transactions = transactions;
    this.holder = holder;
    this.readOnly = readOnly;
  }

  @Override
  public Connection connection() {
    if (guarded == null) {
      guarded = GuardedConnection.guard(rawConnection());
    }
    return guarded;
  }

  Connection rawConnection() {
    return holder.getConnection();
  }

  @Override
  public boolean readOnly() {
    return readOnly;
  }

  @Override
  public <R> void record(Recorder<R> recorder, R record) {
    requireWritable();
    buffer.record(recorder, record);
  }

  @Override
  public void beforeCommit(LastCheck check) {
    requireOpen();
    buffer.beforeCommit(check);
  }

  @Override
  public void afterCommit(Runnable action) {
    requireOpen();
    buffer.afterCommit(action);
  }

  @Override
  public void afterEnd(Consumer<Ending> action) {
    requireOpen();
    buffer.afterEnd(action);
  }

  @Override
  public void commitBy(LastCheck statement) {
    requireOpen();
    commit = statement;
  }

  /**
   * Ends the transaction, if that is not done by a commit. The manager's own commit finds nothing
   * to do then.
   */
  void commitOtherwise() {
    if (commit != null) {
      try {
        commit.check(rawConnection());
      } catch (SQLException e) {
        throw transactions.failed("commit the transaction", e);
      }
    }
  }

  /** What listeners recorded at the beginning is not dropped with a savepoint. */
  void begun() {
    begin = buffer.mark();
  }

  @Override
  public void setRollbackOnly() {
    rollbackOnly = true;
  }

  boolean rollbackOnly() {
    return rollbackOnly;
  }

  /** Writes what was recorded; whatever comes later would be lost, and is refused. */
  void writeRecords() {
    try {
      buffer.flush(rawConnection());
    } catch (SQLException e) {
      throw transactions.failed("write the records of the unit of work", e);
    }
    written = true;
  }

  void ended(Ending ending) {
    committed = ending == Ending.COMMITTED;
    buffer.ended(ending);
  }

  boolean committed() {
    return committed;
  }

  private void requireWritable() {
    if (readOnly) {
      throw new TransactionException(
          "Could not record in the open transaction "
              + transactions
              + ": it is read-only. Use @Transactional without readOnly = true.");
    }
    requireOpen();
  }

  private void requireOpen() {
    if (written) {
      throw new TransactionException(
          "Could not record in the open transaction "
              + transactions
              + ": it is being committed, or is committed. Record earlier, or in a new"
              + " transaction.");
    }
  }

  @Override
  public int getOrder() {
    return LOWEST_PRECEDENCE;
  }

  @Override
  public void suspend() {
    transactions.unbind(this);
  }

  @Override
  public void resume() {
    TransactionSynchronizationManager.bindResource(transactions, this);
  }

  @Override
  public void savepoint(Object savepoint) {
    savepoints.put(savepoint, buffer.mark());
  }

  @Override
  public void savepointRollback(Object savepoint) {
    UnitOfWorkBuffer.Mark mark = savepoints.get(savepoint);
    buffer.resetTo(mark == null ? begin : mark);
  }
}
