package dev.tenon.global;

import dev.tenon.global.PreparedTransactions.End;
import dev.tenon.global.PreparedTransactions.Found;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.Committing;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Branches that the database prepares. Their rows say that they are committed, and are seen when
 * that is so; before that, the prepared transaction's name is all there is of one. So whoever ends
 * one looks for the prepared transaction first, and for the row after that: never the other way
 * round, or it might be committed between the two looks and be taken for lost. Thread-safe.
 */
final class XaBranches {
  private static final Logger log = LoggerFactory.getLogger(XaBranches.class);

  /** How long an order waits for a try that is just being prepared. */
  private static final String LIMIT = "SET LOCAL lock_timeout = '500ms'";

  /** The most connections, beside the kept one, on which prepared transactions are ended. */
  private static final int HELPERS_MAX = 3;

  /** So many for each of them at least. */
  private static final int EACH_MIN = 2;

  private final Semaphore helpers = new Semaphore(HELPERS_MAX);

  private final ParticipantParts parts;
  private final BranchMetrics metrics;
  private final PreparedTransactions prepared;
  private final Map<String, PreparedTransactions> others = new LinkedHashMap<>();

  XaBranches(ParticipantParts parts, BranchMetrics metrics) {
    this.parts = parts;
    this.metrics = metrics;
    ServiceDatabase own = parts.transactions().database();
    this.prepared = new PreparedTransactions(own);
    for (XaDatabase other : parts.databases()) {
      if (others.put(other.name(), new PreparedTransactions(own, other)) != null) {
        throw new IllegalArgumentException(
            "database: " + other.name() + " (expected: declared only once)");
      }
    }
  }

  /** Whether the service prepares transactions. */
  boolean declared() {
    return parts.types().stream().anyMatch(type -> type.kind() == BranchKind.XA);
  }

  /**
   * Looks whether the server does what the declared types need.
   *
   * @throws GlobalTransactionException if it does not, with the setting's name
   */
  void requireEnabled() {
    if (!declared()) {
      return;
    }
    try {
      prepared.requireEnabled();
      for (PreparedTransactions other : others.values()) {
        other.requireEnabled();
      }
    } catch (SQLException e) {
      throw new GlobalTransactionException(
          "Could not ask the database of service "
              + parts.service()
              + " whether it prepares transactions: "
              + e.getMessage()
              + ". Look at the database, and start again.",
          GlobalTransactionException.Told.UNKNOWN,
          e);
    }
  }

  /**
   * All that the service has prepared, by its names in the service's own database: the oldest part
   * of each branch.
   */
  List<Found> all() throws SQLException {
    Map<Gid, Found> all = new LinkedHashMap<>();
    for (Found found : prepared.find(Gid.beginning(prepared.place()))) {
      all.put(found.gid(), found);
    }
    for (Map.Entry<String, PreparedTransactions> other : others.entrySet()) {
      try {
        String place = other.getValue().place();
        for (Found part : other.getValue().find(Gid.beginning(place))) {
          Gid gid = part.gid().at(prepared.place());
          all.merge(gid, new Found(gid, part.preparedAt(), part.age()), XaBranches::older);
        }
      } catch (SQLException e) {
        log.atInfo()
            .addKeyValue("database", other.getKey())
            .addKeyValue("reason", e.getMessage())
            .log("not looked for prepared transactions; it is tried again");
      }
    }
    return List.copyOf(all.values());
  }

  private static Found older(Found one, Found other) {
    return one.age().compareTo(other.age()) < 0 ? other : one;
  }

  /** The id of a new branch. */
  UUID newId(BranchRow.Key key) {
    return Gid.branch(key, parts.runtime().ids().next());
  }

  /** The row of a branch that is being opened, as it is to be seen. */
  static BranchRow whenCommitted(BranchRow row) {
    return new BranchRow(
        row.key(),
        row.id(),
        row.header(),
        BranchRow.Stored.COMMITTED,
        Optional.empty(),
        row.work(),
        new BranchRow.Times(row.times().openedAt(), Optional.empty(), Optional.empty()),
        row.counts(),
        Optional.empty());
  }

  /** Has a unit of work prepared in place of its commit. */
  void prepare(UnitOfWork unit, Serving serving, Branch branch) {
    Gid gid = new Gid(prepared.place(), serving.signed(), branch.id(), branch.step());
    String unused = gid.text(); // too long a name is told before any work is done
    if (!(unit instanceof Committing ending)) {
      throw new IllegalStateException(
          "Could not open an XA branch: units of work of the type "
              + unit.getClass().getName()
              + " cannot be prepared. Use the transactions of Tenon.");
    }
    XaEnlistment enlisted = new XaEnlistment(others, gid);
    serving.enlisted(enlisted);
    unit.afterEnd(end -> enlisted.close());
    ending.commitBy(connection -> prepare(connection, gid, enlisted));
  }

  private void prepare(Connection connection, Gid gid, XaEnlistment enlisted) throws SQLException {
    enlisted.prepare();
    try {
      prepared.prepare(connection, gid);
    } catch (SQLException e) {
      if (!parts.transactions().database().dialect().connectionLost(e)) {
        enlisted.undo(e);
      }
      throw e;
    }
  }

  /** How the names begin of what is prepared under a step. */
  String beginning(BranchRow.Key key) {
    return Gid.beginning(prepared.place(), key);
  }

  /** An order that may insert a row must not wait for as long as a transaction is prepared. */
  static void limitWait(Connection connection) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute(LIMIT);
    }
  }

  /** Ends what is prepared of a branch; without its id, whatever was opened under its step. */
  private Optional<OrderResult> end(
      BranchRow.Key key,
      String header,
      Optional<UUID> branch,
      Outcome told,
      Connection connection) {
    try {
      if (branch.isEmpty()) {
        return abort(key, connection);
      }
      Gid gid =
          new Gid(prepared.place(), new SignedXid(key.xid(), header), branch.get(), key.step());
      return end(gid, told, connection);
    } catch (SQLException | RuntimeException e) {
      log.atInfo()
          .addKeyValue("xid", key.xid())
          .addKeyValue("step", key.step())
          .addKeyValue("reason", e.toString())
          .log("prepared transaction not ended now; it is tried again");
      return Optional.of(OrderResult.LATER);
    }
  }

  /**
   * Ends what is prepared of many branches, each with a commit of its own: the database knows no
   * other way. So some are ended at once, where the pool has connections for that, and their
   * commits wait for the disk together.
   *
   * @param results gets what became of each; null if the branch's row is to be looked at now
   */
  void end(List<BranchRow.Key> keys, List<BranchOrder> orders, @Nullable OrderResult[] results) {
    Queue<Integer> left = new ConcurrentLinkedQueue<>();
    for (int i = 0; i < results.length; i++) {
      UUID branch = orders.get(i).branch();
      if (branch == null || Gid.mayBe(keys.get(i), branch)) {
        left.add(i);
      }
    }
    int count = left.size();
    if (count == 0) {
      return;
    }
    Ending ending =
        new Ending(
            left,
            new CountDownLatch(count),
            (i, connection) -> {
              BranchOrder order = orders.get(i);
              Optional<UUID> branch = Optional.ofNullable(order.branch());
              results[i] =
                  end(keys.get(i), order.xid(), branch, order.outcome(), connection).orElse(null);
            });
    int wanted = count / EACH_MIN - 1 + (prepared.isBusy() ? 1 : 0);
    for (int i = 0; i < wanted && helpers.tryAcquire(); i++) {
      parts.runtime().threads().newThread(() -> help(ending)).start();
    }
    try {
      boolean more = true;
      while (more) {
        more = prepared.onKept(ending::one);
      }
    } catch (SQLException e) {
      log.atInfo()
          .addKeyValue("reason", e.toString())
          .log("prepared transactions not ended now; they are tried again");
      for (Integer i = left.poll(); i != null; i = left.poll()) {
        results[i] = OrderResult.LATER;
        ending.ended.countDown();
      }
    }
    await(ending.ended);
  }

  /**
   * Prepared transactions that are being ended. Who has a connection takes the next; so one who
   * waits for a connection holds up nobody.
   */
  private record Ending(Queue<Integer> left, CountDownLatch ended, Step step) {
    /** Ends one, and says whether there was any. */
    boolean one(Connection connection) {
      Integer next = left.poll();
      if (next == null) {
        return false;
      }
      try {
        step.end(next, connection);
      } finally {
        ended.countDown();
      }
      return true;
    }
  }

  /** Ends one of them. */
  @FunctionalInterface
  private interface Step {
    void end(int index, Connection connection);
  }

  private void help(Ending ending) {
    try (Connection connection = prepared.connect()) {
      boolean autoCommit = connection.getAutoCommit();
      connection.setAutoCommit(true);
      boolean more = true;
      while (more) {
        more = ending.one(connection);
      }
      connection.setAutoCommit(autoCommit);
    } catch (SQLException e) {
      log.atDebug().setCause(e).log("no connection to help with; the kept one ends all");
    } finally {
      helpers.release();
    }
  }

  private static void await(CountDownLatch latch) {
    boolean interrupted = false;
    while (latch.getCount() > 0) {
      try {
        latch.await();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Asks something of the service's own database on the kept connection. */
  <T> T ask(PreparedTransactions.Statements<T> statements) throws SQLException {
    return prepared.onKept(statements);
  }

  /** Gives the kept connections back. Safe to repeat. */
  void close() {
    places().forEach(PreparedTransactions::giveBack);
  }

  private List<PreparedTransactions> places() {
    List<PreparedTransactions> all = new ArrayList<>(others.values());
    all.add(prepared);
    return all;
  }

  private Optional<OrderResult> abort(BranchRow.Key key, Connection connection)
      throws SQLException {
    boolean busy = false;
    for (PreparedTransactions each : places()) {
      for (Found found : each.find(Gid.beginning(each.place(), key))) {
        busy |= end(found.gid().at(prepared.place()), Outcome.ABORTED, connection).isPresent();
      }
    }
    return busy ? Optional.of(OrderResult.LATER) : Optional.empty();
  }

  /** Ends one that was found; empty if its row is to be looked at now. */
  Optional<OrderResult> end(Gid gid, Outcome outcome) throws SQLException {
    return prepared.onKept(connection -> end(gid, outcome, connection));
  }

  private Optional<OrderResult> end(Gid gid, Outcome outcome, Connection connection)
      throws SQLException {
    for (PreparedTransactions other : others.values()) {
      if (other.end(gid.at(other.place()), outcome) == End.BUSY) {
        return Optional.of(OrderResult.LATER);
      }
    }
    // The row is seen last, and so says that all is done.
    End end = prepared.end(connection, gid, outcome);
    if (end == End.DONE) {
      metrics.ended(outcome);
    }
    return switch (end) {
      case BUSY -> Optional.of(OrderResult.LATER);
      case NOT_THERE -> Optional.empty();
      case DONE ->
          switch (outcome) {
            case COMMITTED -> Optional.of(OrderResult.DONE);
            case ABORTED -> Optional.empty(); // and barred
          };
    };
  }
}
