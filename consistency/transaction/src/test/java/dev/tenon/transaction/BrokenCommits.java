package dev.tenon.transaction;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;

/** A data source whose connections commit in a way of the test's. */
final class BrokenCommits {
  private BrokenCommits() {}

  /** What happens instead of a commit. */
  @FunctionalInterface
  interface Commit {
    void commit(Connection real) throws SQLException;
  }

  static DataSource of(DataSource origin, Commit commit) {
    return proxy(
        DataSource.class,
        origin,
        answer ->
            answer instanceof Connection real
                ? proxy(Connection.class, real, same -> same, () -> commit.commit(real))
                : answer);
  }

  @FunctionalInterface
  private interface Replace {
    Object replace(Object answer);
  }

  @FunctionalInterface
  private interface Instead {
    void run() throws SQLException;
  }

  private static <T> T proxy(Class<T> type, Object target, Replace replace) {
    return proxy(type, target, replace, () -> {});
  }

  private static <T> T proxy(Class<T> type, Object target, Replace replace, Instead commit) {
    InvocationHandler handler =
        (self, method, arguments) -> {
          if (method.getName().equals("commit")) {
            commit.run();
            return null;
          }
          try {
            return replace.replace(method.invoke(target, arguments));
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        };
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
  }
}
