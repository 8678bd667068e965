package dev.tenon.spring;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresServer;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.sql.DataSource;
import org.springframework.jdbc.datasource.DelegatingDataSource;

/**
 * A database whose connections write down what is prepared and committed, and can have their server
 * process terminated when the next commit is about to be sent.
 */
final class SpiedDatabase extends DelegatingDataSource {
  private final PostgresServer server;
  private final AtomicBoolean killAtCommit = new AtomicBoolean();
  private volatile Thread killed = Thread.currentThread();
  private final List<String> statements = new CopyOnWriteArrayList<>();

  SpiedDatabase(PostgresServer server, Database database) {
    super(server.dataSource(database));
    this.server = server;
  }

  void killAtNextCommitOfThisThread() {
    killed = Thread.currentThread();
    killAtCommit.set(true);
  }

  void forget() {
    statements.clear();
  }

  /** What was prepared, and {@code COMMIT}, in order. */
  List<String> statements() {
    return List.copyOf(statements);
  }

  DataSource unspied() {
    return getTargetDataSource();
  }

  @Override
  public Connection getConnection() throws SQLException {
    Connection target = super.getConnection();
    return (Connection)
        Proxy.newProxyInstance(
            SpiedDatabase.class.getClassLoader(),
            new Class<?>[] {Connection.class},
            (proxy, method, arguments) -> invoke(target, method, arguments));
  }

  private Object invoke(Connection target, Method method, Object[] arguments) throws Throwable {
    if (method.getName().equals("prepareStatement")) {
      statements.add(((String) arguments[0]).strip());
    }
    if (method.getName().equals("commit")) {
      statements.add("COMMIT");
      if (Thread.currentThread() == killed && killAtCommit.getAndSet(false)) {
        terminate(target);
      }
    }
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getTargetException();
    }
  }

  private void terminate(Connection victim) throws SQLException {
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
