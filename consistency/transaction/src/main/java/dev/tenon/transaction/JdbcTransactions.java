package dev.tenon.transaction;

import static java.util.Objects.requireNonNull;

import dev.tenon.schema.ServiceDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Units of work over plain JDBC, one connection and one thread each. */
final class JdbcTransactions implements Transactions {
  private static final Logger log = LoggerFactory.getLogger(JdbcTransactions.class);

  private final ServiceDatabase database;
  private final ThreadLocal<JdbcUnitOfWork> open = new ThreadLocal<>();
  private final List<Consumer<UnitOfWork>> listeners = new CopyOnWriteArrayList<>();

  JdbcTransactions(ServiceDatabase database) {
    this.database = requireNonNull(database, "database");
  }

  @Override
  public ServiceDatabase database() {
    return database;
  }

  @Override
  public void onBegin(Consumer<UnitOfWork> listener) {
    listeners.add(requireNonNull(listener, "listener"));
  }

  @Override
  public Optional<UnitOfWork> current() {
    return Optional.ofNullable(open.get());
  }

  @Override
  public <T, X extends Exception> T call(Work<T, X> work) throws X {
    JdbcUnitOfWork outer = open.get();
    if (outer != null && outer.readOnly()) {
      throw new TransactionException(
          "Could not begin a writing unit of work [service="
              + database.service()
              + "]: a read-only one is open. Open the writing one outside.");
    }
    return outer == null ? begin(work, false) : join(outer, work);
  }

  @Override
  public <T, X extends Exception> T read(Work<T, X> work) throws X {
    JdbcUnitOfWork outer = open.get();
    return outer == null ? begin(work, true) : join(outer, work);
  }

  private static <T, X extends Exception> T join(JdbcUnitOfWork outer, Work<T, X> work) throws X {
    boolean done = false;
    try {
      T answer = work.call(outer);
      done = true;
      return answer;
    } finally {
      if (!done) {
        outer.setRollbackOnly();
      }
    }
  }

  private <T, X extends Exception> T begin(Work<T, X> work, boolean readOnly) throws X {
    Borrowed borrowed = connect(readOnly);
    JdbcUnitOfWork unit = new JdbcUnitOfWork(database.service(), borrowed.connection(), readOnly);
    UnitOfWork.Ending ending = UnitOfWork.Ending.ROLLED_BACK;
    try {
      T answer = work(unit, work);
      ending = UnitOfWork.Ending.UNKNOWN;
      commit(unit, borrowed.connection());
      ending = UnitOfWork.Ending.COMMITTED;
      return answer;
    } catch (UnknownCommitOutcomeException e) {
      throw e;
    } catch (TransactionException e) {
      ending = UnitOfWork.Ending.ROLLED_BACK;
      throw e;
    } finally {
      release(borrowed, ending == UnitOfWork.Ending.COMMITTED);
      unit.ended(ending);
    }
  }

  private <T, X extends Exception> T work(JdbcUnitOfWork unit, Work<T, X> work) throws X {
    open.set(unit);
    try {
      if (!unit.readOnly()) {
        listeners.forEach(listener -> listener.accept(unit));
      }
      T answer = work.call(unit);
      unit.flush();
      return answer;
    } finally {
      open.remove();
    }
  }

  /** A connection, and how it was found: so it is given back. */
  private record Borrowed(Connection connection, boolean autoCommit, boolean readOnly) {}

  private Borrowed connect(boolean readOnly) {
    try {
      Connection connection = database.dataSource().getConnection();
      try {
        Borrowed borrowed =
            new Borrowed(connection, connection.getAutoCommit(), connection.isReadOnly());
        connection.setAutoCommit(false);
        if (borrowed.readOnly() != readOnly) {
          connection.setReadOnly(readOnly);
        }
        return borrowed;
      } catch (SQLException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException e) {
      throw new TransactionException(
          "Could not begin a unit of work [service="
              + database.service()
              + "]: "
              + e.getMessage()
              + ". Check that the database can be reached and the pool is large enough.",
          e);
    }
  }

  private void commit(JdbcUnitOfWork unit, Connection connection) {
    if (unit.rollbackOnly()) {
      throw new RolledBackException(database.service());
    }
    boolean doomed;
    try {
      doomed = database.dialect().doomed(connection);
      if (!doomed) {
        unit.commit();
      }
    } catch (SQLException e) {
      if (database.dialect().connectionLost(e)) {
        throw new UnknownCommitOutcomeException(database.service(), e);
      }
      throw new TransactionException(refused(String.valueOf(e.getMessage())), e);
    }
    if (doomed) {
      throw new TransactionException(
          refused("a statement had failed, and its exception did not reach the unit"));
    }
  }

  private String refused(String reason) {
    return "Could not commit the unit of work [service="
        + database.service()
        + "]: "
        + reason
        + ". Nothing was committed.";
  }

  /** Gives the connection back; what is not committed is rolled back first. */
  private void release(Borrowed borrowed, boolean committed) {
    try (Connection connection = borrowed.connection()) {
      if (!committed) {
        connection.rollback();
      }
      if (connection.isReadOnly() != borrowed.readOnly()) {
        connection.setReadOnly(borrowed.readOnly());
      }
      connection.setAutoCommit(borrowed.autoCommit());
    } catch (SQLException e) {
      // The database rolls back what a lost connection left open.
      log.atDebug()
          .addKeyValue("service", database.service())
          .setCause(e)
          .log("connection not returned cleanly");
    }
  }
}
