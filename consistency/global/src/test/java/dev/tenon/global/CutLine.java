package dev.tenon.global;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;

/** A line to a database that counts commits, and can be cut at one. Thread-safe. */
final class CutLine {
  final AtomicInteger commits = new AtomicInteger();
  volatile Cut next = Cut.NONE;
  volatile boolean down;
  volatile boolean downAfterCut;

  /** Where the line breaks. */
  enum Cut {
    NONE,
    BEFORE_COMMIT,
    AFTER_COMMIT
  }

  DataSource over(DataSource real) {
    return proxy(
        DataSource.class,
        real,
        (method, call) -> {
          if (down && method.equals("getConnection")) {
            throw new SQLException("the database is down", "08001");
          }
          Object result = call.run();
          return result instanceof Connection connection ? cut(connection) : result;
        });
  }

  private Connection cut(Connection real) {
    return proxy(
        Connection.class,
        real,
        (method, call) -> {
          if (!method.equals("commit")) {
            return call.run();
          }
          commits.incrementAndGet();
          Cut cut = next;
          next = Cut.NONE;
          down |= cut != Cut.NONE && downAfterCut;
          return switch (cut) {
            case NONE -> call.run();
            case BEFORE_COMMIT -> {
              real.rollback();
              throw new SQLException("cut before the commit", "08006");
            }
            case AFTER_COMMIT -> {
              call.run();
              throw new SQLException("cut after the commit", "08006");
            }
          };
        });
  }

  /** The real call. */
  @FunctionalInterface
  private interface Call {
    Object run() throws Throwable;
  }

  /** What is done instead. */
  @FunctionalInterface
  private interface Around {
    Object call(String method, Call call) throws Throwable;
  }

  private static <T> T proxy(Class<T> type, T real, Around around) {
    return type.cast(
        Proxy.newProxyInstance(
            CutLine.class.getClassLoader(),
            new Class<?>[] {type},
            (self, method, arguments) ->
                around.call(
                    method.getName(),
                    () -> {
                      try {
                        return method.invoke(real, arguments);
                      } catch (InvocationTargetException e) {
                        throw e.getCause();
                      }
                    })));
  }
}
