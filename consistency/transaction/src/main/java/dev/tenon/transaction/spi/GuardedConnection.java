package dev.tenon.transaction.spi;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Set;

/**
 * The connection of a unit of work without what would end the transaction behind its back. As
 * thread-safe as the connection.
 */
public final class GuardedConnection implements InvocationHandler {
  private static final Set<String> REFUSED =
      Set.of("commit", "close", "setAutoCommit", "setReadOnly", "abort");
  private static final String ROLLBACK = "rollback";

  private final Connection connection;

  private GuardedConnection(Connection connection) {
    this.connection = connection;
  }

  /**
   * Guards a connection.
   *
   * @param connection the connection of an open transaction
   * @return the same, but {@code commit}, {@code rollback} except to a savepoint, {@code close},
   *     {@code abort}, {@code setAutoCommit} and {@code setReadOnly} throw {@link SQLException}
   */
  public static Connection guard(Connection connection) {
    return (Connection)
        Proxy.newProxyInstance(
            GuardedConnection.class.getClassLoader(),
            new Class<?>[] {Connection.class},
            new GuardedConnection(connection));
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    String name = method.getName();
    boolean toSavepoint = arguments != null && arguments.length > 0;
    if (REFUSED.contains(name) || (name.equals(ROLLBACK) && !toSavepoint)) {
      throw new SQLException(
          "Could not "
              + name
              + " the connection of a unit of work: the unit does that itself. Return to commit,"
              + " throw or call setRollbackOnly() to roll back.");
    }
    try {
      return method.invoke(connection, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
