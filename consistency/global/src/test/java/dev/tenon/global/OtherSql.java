package dev.tenon.global;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;

/** A line to a database that is told other statements than those that were meant. */
final class OtherSql {
  private OtherSql() {}

  static DataSource over(DataSource real, UnaryOperator<String> changed) {
    return proxy(
        DataSource.class,
        (self, method, arguments) -> {
          Object result = invoke(real, method, arguments);
          return result instanceof Connection connection ? over(connection, changed) : result;
        });
  }

  private static Connection over(Connection real, UnaryOperator<String> changed) {
    return proxy(
        Connection.class,
        (self, method, arguments) -> {
          if (method.getName().equals("prepareStatement")) {
            arguments[0] = changed.apply((String) arguments[0]);
          }
          return invoke(real, method, arguments);
        });
  }

  private static Object invoke(Object real, java.lang.reflect.Method method, Object[] arguments)
      throws Throwable {
    try {
      return method.invoke(real, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private static <T> T proxy(Class<T> type, InvocationHandler handler) {
    return type.cast(
        Proxy.newProxyInstance(OtherSql.class.getClassLoader(), new Class<?>[] {type}, handler));
  }
}
