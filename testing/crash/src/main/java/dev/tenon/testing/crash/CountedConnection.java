package dev.tenon.testing.crash;

import java.lang.reflect.Method;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A connection that knows when what it wrote becomes durable. */
final class CountedConnection {
  private static final int STATEMENTS_SHOWN_MAX = 3;
  private static final String CONNECTION_FAILURE = "08006";
  private static final String IN_FAILED_TRANSACTION = "25P02";
  private static final String WROTE = "select pg_current_xact_id_if_assigned() is not null";

  private final World world;
  private final SimulatedProcess process;
  private final Connection real;
  private final Consumer<Connection> release;
  private final boolean postgres;
  private final Connection proxy;
  private final Deque<String> statements = new ArrayDeque<>();
  private int statementCount;
  private boolean begun;
  private boolean broken;

  CountedConnection(
      World world, SimulatedProcess process, Connection real, Consumer<Connection> release)
      throws SQLException {
    this.world = world;
    this.process = process;
    this.real = real;
    this.release = release;
    this.postgres = Connections.postgres(real);
    this.proxy = Proxies.of(Connection.class, real, this::call);
  }

  /** What the code under test gets. */
  Connection proxy() {
    return proxy;
  }

  private @Nullable Object call(Method method, @Nullable Object[] arguments) throws Throwable {
    switch (method.getName()) {
      case "close", "abort" -> {
        if (!dead()) {
          destroy();
        }
        return null;
      }
      case "isClosed" -> {
        return dead() || real.isClosed();
      }
      case "isValid" -> {
        return !dead() && real.isValid((int) value(arguments[0]));
      }
      default -> requireOpen();
    }
    Object result = open(method, arguments);
    return result instanceof Statement statement && method.getName().startsWith("prepare")
        ? counted(statement, String.valueOf(arguments[0]))
        : result instanceof Statement statement ? counted(statement, "") : result;
  }

  private @Nullable Object open(Method method, @Nullable Object[] arguments) throws Throwable {
    switch (method.getName()) {
      case "commit" -> {
        commit(real::commit);
        return null;
      }
      case "rollback" -> {
        Object result = Proxies.invoke(real, method, arguments);
        if (arguments.length == 0) {
          transactionEnded();
        }
        return result;
      }
      case "setAutoCommit" -> {
        boolean on = (boolean) value(arguments[0]);
        if (on && !real.getAutoCommit()) {
          commit(() -> real.setAutoCommit(true));
        } else {
          real.setAutoCommit(on);
        }
        return null;
      }
      default -> {
        return Proxies.invoke(real, method, arguments);
      }
    }
  }

  private static Object value(@Nullable Object argument) {
    if (argument == null) {
      throw new IllegalArgumentException("argument: null (expected: a value)");
    }
    return argument;
  }

  private Statement counted(Statement statement, String sql) {
    CountedStatement counted = new CountedStatement(this, statement, sql);
    return switch (statement) {
      case CallableStatement call -> Proxies.of(CallableStatement.class, call, counted);
      case PreparedStatement prepared -> Proxies.of(PreparedStatement.class, prepared, counted);
      default -> Proxies.of(Statement.class, statement, counted);
    };
  }

  /** Whether the process died or the connection broke. */
  boolean dead() {
    return broken || !process.alive();
  }

  void requireOpen() throws SQLException {
    process.requireAlive();
    if (broken) {
      throw new SQLException("This connection has been closed by the crash explorer.", "08003");
    }
  }

  /** Whether each statement is a transaction of its own. */
  boolean autoCommit() throws SQLException {
    return !begun && real.getAutoCommit();
  }

  /** Takes note of a statement, before it runs. */
  void ran(String sql) {
    begun = begun ? !SqlText.rollsBack(sql) : SqlText.begins(sql);
    statementCount++;
    statements.addLast(SqlText.shortened(sql));
    if (statements.size() > STATEMENTS_SHOWN_MAX) {
      statements.removeFirst();
    }
  }

  /** A commit of the open transaction; a point if the transaction wrote. */
  void commit(World.Action action) throws SQLException {
    if (wrote()) {
      durably(action);
    } else {
      action.run();
      transactionEnded();
    }
  }

  /** Something that becomes durable at once, whatever it is. */
  void durably(World.Action action) throws SQLException {
    String what = what();
    transactionEnded();
    world.commit(
        process,
        what,
        action,
        moment -> {
          destroy();
          return new SQLException(
              "An I/O error occurred while sending to the backend (simulated " + moment + ").",
              CONNECTION_FAILURE);
        });
  }

  /** Runs a query that may write in a transaction of its own. */
  @Nullable Object querying(Query query) throws Throwable {
    real.setAutoCommit(false);
    Object result;
    try {
      result = query.run();
      commit(real::commit);
    } catch (Throwable t) {
      if (!dead()) {
        real.rollback();
        real.setAutoCommit(true);
        transactionEnded();
      }
      throw t;
    }
    real.setAutoCommit(true);
    return result;
  }

  private boolean wrote() throws SQLException {
    if (statementCount == 0 || !postgres) {
      return statementCount > 0;
    }
    try (Statement statement = real.createStatement();
        ResultSet answer = statement.executeQuery(WROTE)) {
      return answer.next() && answer.getBoolean(1);
    } catch (SQLException e) {
      if (IN_FAILED_TRANSACTION.equals(e.getSQLState())) {
        return false;
      }
      throw e;
    }
  }

  private String what() {
    String shown = String.join("; ", statements);
    return statementCount > statements.size()
        ? "… " + shown + " (" + statementCount + " statements)"
        : shown;
  }

  private void transactionEnded() {
    statements.clear();
    statementCount = 0;
    begun = false;
  }

  /** Ends the connection as a killed process does: what is not committed is rolled back. */
  void destroy() {
    broken = true;
    process.forget(this);
    release.accept(real);
  }

  /** A query being run. */
  @FunctionalInterface
  interface Query {
    @Nullable Object run() throws Throwable;
  }
}
