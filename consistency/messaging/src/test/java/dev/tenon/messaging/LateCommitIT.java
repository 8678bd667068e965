package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * The connection breaks during a commit, and the database carries the commit out later: its disk or
 * its standby was slow.
 */
class LateCommitIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Duration LATE = Duration.ofSeconds(1);

  record Placed(int number) {}

  private final InProcessTransport transport = new InProcessTransport();
  private final AtomicBoolean slow = new AtomicBoolean();
  private final AtomicBoolean breaking = new AtomicBoolean();

  /** A pool's source of connections, one of which breaks while it commits. */
  private DataSource breakable(Database database) {
    return (DataSource)
        Proxy.newProxyInstance(
            LateCommitIT.class.getClassLoader(),
            new Class<?>[] {DataSource.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "getConnection" -> breakable(connect(database));
                  case "getLoginTimeout" -> 0;
                  case "toString" -> "breakable";
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  private static Connection connect(Database database) throws SQLException {
    return DriverManager.getConnection(database.jdbcUrl(), database.user(), database.password());
  }

  private Connection breakable(Connection real) {
    AtomicBoolean broken = new AtomicBoolean();
    return (Connection)
        Proxy.newProxyInstance(
            LateCommitIT.class.getClassLoader(),
            new Class<?>[] {Connection.class},
            (proxy, method, arguments) -> {
              if (broken.get()) {
                return ofBroken(method);
              }
              if (method.getName().equals("commit") && breaking.getAndSet(false)) {
                broken.set(true);
                Thread unused = Thread.ofVirtual().start(() -> commitLate(real));
                throw new SQLException("An I/O error occurred", "08006");
              }
              try {
                return method.invoke(real, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private static @Nullable Object ofBroken(Method method) throws SQLException {
    return switch (method.getName()) {
      case "isClosed" -> true;
      case "close", "abort", "setNetworkTimeout" -> null;
      default -> throw new SQLException("This connection has been closed.", "08003");
    };
  }

  private static void commitLate(Connection connection) {
    try (connection) {
      Thread.sleep(LATE);
      connection.commit();
    } catch (SQLException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void take(Placed placed, MessageContext context) throws SQLException {
    try (var update = context.unit().connection().createStatement()) {
      update.executeUpdate("UPDATE stored SET times = times + 1");
    }
    breaking.set(slow.getAndSet(false));
  }

  @Test
  void isWaitedForBeforeTheBatchIsReadAgain() {
    Database database = postgres.freshDatabase("stock");
    try (TestService order =
            new TestService(
                "order",
                postgres.freshDatabase("order"),
                builder -> builder.topic(Topic.of("placed", "stock")));
        TestService stock =
            new TestService(
                "stock",
                database,
                pool -> {
                  pool.setDataSource(breakable(database));
                  pool.setUsername(null);
                },
                builder ->
                    builder
                        .transport(transport)
                        .config(MessagingConfig.defaults().slots(1))
                        .subscribe(
                            Subscription.to("order")
                                .on("placed", Placed.class, this::take)
                                .build()))) {
      transport.serve(order.messaging.feedSource());
      stock.execute("CREATE TABLE stored (times int)");
      stock.execute("INSERT INTO stored VALUES (0)");
      order.transactions.run(
          unit -> order.messaging.outbox().publish("placed", "a", new Placed(1)));
      order.messaging.runPending();
      slow.set(true);

      assertThatThrownBy(
              () -> {
                while (slow.get() || breaking.get()) {
                  boolean unused = stock.messaging.runPending();
                }
              })
          .isInstanceOf(UnknownCommitOutcomeException.class);
      while (stock.messaging.runPending()) {
        assertThat(stock.messaging.failedMessages().list(FailedMessages.Filter.ALL, 1)).isEmpty();
      }

      assertThat(stock.column("SELECT times FROM stored")).containsExactly("1");
    }
  }
}
