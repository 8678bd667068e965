package dev.tenon.spring;

import dev.tenon.testing.database.PostgresServer;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicBoolean;

/** A connection whose server process is terminated when the next commit is about to be sent. */
final class KillingConnection {
  private KillingConnection() {}

  static Connection wrap(Connection target, AtomicBoolean kill, PostgresServer server) {
    return (Connection)
        Proxy.newProxyInstance(
            KillingConnection.class.getClassLoader(),
            new Class<?>[] {Connection.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("commit") && kill.getAndSet(false)) {
                terminate(target, server);
              }
              try {
                return method.invoke(target, arguments);
              } catch (InvocationTargetException e) {
                throw e.getTargetException();
              }
            });
  }

  private static void terminate(Connection victim, PostgresServer server) throws SQLException {
    int pid;
    try (var statement = victim.createStatement();
        var row = statement.executeQuery("SELECT pg_backend_pid()")) {
      row.next();
      pid = row.getInt(1);
    }
    try (Connection superuser = server.superuserDataSource("postgres").getConnection();
        var statement = superuser.createStatement()) {
      statement.execute("SELECT pg_terminate_backend(" + pid + ", 5000)");
    }
  }
}
