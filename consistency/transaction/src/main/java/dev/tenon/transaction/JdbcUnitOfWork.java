package dev.tenon.transaction;

import dev.tenon.transaction.spi.Committing;
import dev.tenon.transaction.spi.GuardedConnection;
import dev.tenon.transaction.spi.UnitOfWorkBuffer;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.function.Consumer;

/** A unit of work over one JDBC connection. */
final class JdbcUnitOfWork implements UnitOfWork, Committing {
  private final String service;
  private final Connection connection;
  private final Connection guarded;
  private final boolean readOnly;
  private final UnitOfWorkBuffer buffer = new UnitOfWorkBuffer();
  private LastCheck commit = Connection::commit;
  private boolean rollbackOnly;

  JdbcUnitOfWork(String service, Connection connection, boolean readOnly) {
    this.service = service;
    this.connection = connection;
    this.guarded = GuardedConnection.guard(connection);
    this.readOnly = readOnly;
  }

  @Override
  public Connection connection() {
    return guarded;
  }

  @Override
  public boolean readOnly() {
    return readOnly;
  }

  @Override
  public <R> void record(Recorder<R> recorder, R record) {
    if (readOnly) {
      throw new TransactionException(
          "Could not record in a unit of work [service="
              + service
              + "]: it is read-only. Use a writing one.");
    }
    buffer.record(recorder, record);
  }

  @Override
  public void beforeCommit(LastCheck check) {
    buffer.beforeCommit(check);
  }

  @Override
  public void afterCommit(Runnable action) {
    buffer.afterCommit(action);
  }

  @Override
  public void afterEnd(Consumer<Ending> action) {
    buffer.afterEnd(action);
  }

  @Override
  public void commitBy(LastCheck statement) {
    commit = statement;
  }

  void commit() throws SQLException {
    commit.check(connection);
  }

  @Override
  public void setRollbackOnly() {
    rollbackOnly = true;
  }

  boolean rollbackOnly() {
    return rollbackOnly;
  }

  void flush() {
    if (rollbackOnly) {
      return;
    }
    try {
      buffer.flush(connection);
    } catch (SQLException e) {
      throw new TransactionException(
          "Could not write the records of a unit of work [service="
              + service
              + "]: "
              + e.getMessage()
              + ". Nothing was committed.",
          e);
    }
  }

  void ended(Ending ending) {
    buffer.ended(ending);
  }
}
