package dev.tenon.testing.crash;

import java.lang.reflect.Method;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** A statement whose execution may be a commit. */
final class CountedStatement implements Proxies.Handler {
  private final CountedConnection connection;
  private final Statement real;
  private final String prepared;
  private String batched = "";

  /**
   * @param prepared its SQL; empty for one that gets its SQL when it is executed
   */
  CountedStatement(CountedConnection connection, Statement real, String prepared) {
    this.connection = connection;
    this.real = real;
    this.prepared = prepared;
  }

  @Override
  public @Nullable Object call(Method method, @Nullable Object[] arguments) throws Throwable {
    String name = method.getName();
    if (name.equals("close")) {
      return connection.dead() ? null : Proxies.invoke(real, method, arguments);
    }
    if (name.equals("isClosed") && connection.dead()) {
      return true;
    }
    connection.requireOpen();
    if (name.equals("getConnection")) {
      return connection.proxy();
    }
    if (name.equals("addBatch") && arguments.length == 1) {
      batched = String.valueOf(arguments[0]);
    }
    return name.startsWith("execute")
        ? execute(method, arguments)
        : Proxies.invoke(real, method, arguments);
  }

  private @Nullable Object execute(Method method, @Nullable Object[] arguments) throws Throwable {
    String sql = sql(method, arguments);
    connection.ran(sql);
    CountedConnection.Query query = () -> Proxies.invoke(real, method, arguments);
    if (SqlText.commits(sql)) {
      return committing(query);
    }
    if (!connection.autoCommit() || SqlText.passive(sql)) {
      return query.run();
    }
    return SqlText.query(sql) && real.getFetchSize() == 0
        ? connection.querying(query)
        : durably(query);
  }

  private @Nullable Object durably(CountedConnection.Query query) throws Throwable {
    AtomicReference<@Nullable Object> result = new AtomicReference<>();
    connection.durably(() -> result.set(run(query)));
    return result.get();
  }

  private @Nullable Object committing(CountedConnection.Query query) throws Throwable {
    AtomicReference<@Nullable Object> result = new AtomicReference<>();
    connection.commit(() -> result.set(run(query)));
    return result.get();
  }

  private static @Nullable Object run(CountedConnection.Query query) throws SQLException {
    try {
      return query.run();
    } catch (SQLException | RuntimeException | Error e) {
      throw e;
    } catch (Throwable t) {
      throw new SQLException("A statement failed with something else than an SQLException.", t);
    }
  }

  private String sql(Method method, @Nullable Object[] arguments) {
    if (arguments.length > 0 && arguments[0] instanceof String text) {
      return text;
    }
    return method.getName().contains("Batch") && prepared.isEmpty() ? batched : prepared;
  }
}
