package dev.tenon.global;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.global.OperationRefusedException.Reason;
import dev.tenon.messaging.Messaging;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.SQLException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * What operators see and do in one service's database. A change makes what waits due; whoever runs
 * the service takes it up from there.
 */
final class LocalOpenTransactions implements OpenTransactions {
  /** Of no use here: whom a decision made here concerns, an instance of the service tells. */
  private static final Duration UNUSED_RETRY = Duration.ofMinutes(1);

  private final Transactions transactions;
  private final OpenTransactionReader reader;
  private final BranchOperations branches;
  private final PreparedOperations prepared;
  private final StartedOperations started;

  /**
   * Makes them.
   *
   * @param clock the service's clock
   * @param databaseClock the clock of its database, in SQL
   */
  LocalOpenTransactions(
      Transactions transactions, Messaging messaging, InstantSource clock, String databaseClock) {
    this.transactions = transactions;
    TenonTables tables = new TenonTables(transactions.database().tenonSchema());
    DecisionStore decisions =
        new DecisionStore(
            transactions.database().dataSource(), tables, databaseClock, UNUSED_RETRY);
    BranchStore store = new BranchStore(tables);
    OperatorActions actions = new OperatorActions(tables);
    String alive = decisions.timed(Instances.live("owner"));
    prepared = new PreparedOperations(transactions.database(), tables, actions);
    reader =
        new OpenTransactionReader(
            transactions.database().service(), tables, store, prepared, actions, alive);
    branches =
        new BranchOperations(store, new AutomaticBranches(tables, 1), actions, messaging, clock);
    started = new StartedOperations(tables, decisions, actions, clock);
  }

  @Override
  public List<OpenTransaction> list(Page page) {
    return read("list the open transactions", unit -> reader.list(unit.connection(), page));
  }

  @Override
  public List<OpenTransaction> find(List<Xid> xids) {
    if (xids.size() > LIST_MAX) {
      throw new IllegalArgumentException(
          "xids: " + xids.size() + " (expected: at most " + LIST_MAX + ")");
    }
    return read("look up transactions", unit -> reader.find(unit.connection(), xids));
  }

  @Override
  public Optional<Xid> resolve(UUID id) {
    return read("look up the transaction " + id, unit -> reader.resolve(unit.connection(), id));
  }

  @Override
  public void retry(Part part, Operator operator) {
    change(
        "retry",
        part,
        unit -> {
          if (part.step() != null) {
            if (!prepared.retry(unit, part, part.step(), operator)) {
              branches.retry(unit, part, part.step(), operator);
            }
          } else {
            started.retry(unit, part, operator);
          }
        });
  }

  @Override
  public void skip(Part part, Operator operator) {
    change(
        "skip",
        part,
        unit -> {
          if (part.step() != null) {
            if (!prepared.skip(unit, part, part.step())) {
              branches.skip(unit, part, part.step(), operator);
            }
          } else {
            started.skip(unit, part, operator);
          }
        });
  }

  @Override
  public void force(Part part, Outcome outcome, Operator operator) {
    change(
        "force",
        part,
        unit -> {
          if (part.step() != null) {
            if (!prepared.force(unit, part, part.step(), outcome, operator)) {
              branches.force(unit, part, part.step(), outcome, operator);
            }
          } else {
            started.force(unit, part, outcome, operator);
          }
        });
  }

  /** A refusal, with nothing done. */
  static OperationRefusedException refused(
      Reason reason, String verb, Part part, String found, String advice) {
    String step = part.step();
    return new OperationRefusedException(
        reason,
        "Could not "
            + verb
            + (step == null ? "" : " the branch " + step + " of")
            + " the transaction "
            + part.xid()
            + ": "
            + found
            + ". "
            + advice);
  }

  /** Statements of a unit of work. */
  @FunctionalInterface
  private interface Read<T> {
    T run(UnitOfWork unit) throws SQLException;
  }

  /** Statements that change something. */
  @FunctionalInterface
  private interface Change {
    void run(UnitOfWork unit) throws SQLException;
  }

  private <T> T read(String what, Read<T> statements) {
    try {
      return transactions.<T, SQLException>read(statements::run);
    } catch (SQLException e) {
      throw failed(what, e);
    }
  }

  private void change(String verb, Part part, Change statements) {
    try {
      transactions.<SQLException>run(statements::run);
    } catch (SQLException e) {
      throw failed(verb + " the transaction " + part.xid(), e);
    }
  }

  private static GlobalTransactionException failed(String what, SQLException e) {
    return new GlobalTransactionException(
        "Could not " + what + ": " + e.getMessage() + ". Look at the database, and try again.",
        Told.UNKNOWN,
        e);
  }
}
