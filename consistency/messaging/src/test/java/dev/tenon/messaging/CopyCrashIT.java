package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.messaging.FailedMessages.FailedMessage;
import dev.tenon.messaging.FailedMessages.Filter;
import dev.tenon.messaging.SimulatedServices.Service;
import dev.tenon.testing.crash.CrashExplorer;
import dev.tenon.testing.crash.CrashExplorerExtension;
import dev.tenon.testing.crash.Exploration;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;

@ExtendWith({CrashExplorerExtension.class, ExpectedFailures.class})
class CopyCrashIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  /** A user as it is now, or its end. */
  record Changed(String id, Optional<String> name) {}

  @Test
  void keepsACopyThroughSnapshotReplayAndRestartWhereverAProcessDies(CrashExplorer explorer)
      throws Exception {
    try (Users users = new Users()) {
      Exploration exploration =
          explorer.sample(60).secondCrashes(10).explore(users).requireNoViolations();

      assertThat(exploration.commits()).isGreaterThan(15);
      assertThat(exploration.sends()).isGreaterThan(5);
    }
  }

  /**
   * A service copies the users of another: from a snapshot and what changes meanwhile, past a
   * message that it cannot handle at first, and once more from the start.
   */
  private static final class Users extends SimulatedScenario {
    Users() throws SQLException {
      super(postgres);
      services.database(
          "user",
          "CREATE TABLE users (id text COLLATE \"C\" PRIMARY KEY, name text)",
          "INSERT INTO users SELECT 'old' || n, 'name' FROM generate_series(1, 5) n",
          "GRANT ALL ON users TO PUBLIC");
      services.database(
          "order",
          "CREATE TABLE user_copy (id text PRIMARY KEY, name text)",
          "CREATE TABLE repaired (at timestamptz)",
          "GRANT ALL ON user_copy, repaired TO PUBLIC");
    }

    @Override
    public void run(World world) throws Exception {
      InProcessTransport network = services.network();
      Service user = user(world, network);
      Service order = order(world, network);
      put(user, "new1", "name");
      order.work((transactions, messaging) -> messaging.runPending());
      put(user, "old2", "changed");
      delete(user, "old3");
      put(user, "new2", "poison");
      services.settle(PASSING, user, order);
      put(user, "new2", "cured");
      repair(order);
      services.settle(PASSING, user, order);
      order.work(
          (transactions, messaging) ->
              messaging
                  .subscriptions()
                  .restart(
                      "user/default", unit -> write(unit.connection(), "DELETE FROM user_copy")));
      order.restart();
      services.settle(PASSING, user, order);
    }

    @Override
    public void recover(World world) throws Exception {
      InProcessTransport network = services.network();
      Service user = user(world, network);
      Service order = order(world, network);
      services.settle(PASSING, user, order);
      repair(order);
      services.settle(PASSING, user, order);
    }

    /** What a person does about a parked message. */
    private static void repair(Service order) throws Exception {
      order.work(
          (transactions, messaging) -> {
            transactions.<SQLException>run(
                unit -> write(unit.connection(), "INSERT INTO repaired VALUES (now())"));
            messaging
                .failedMessages()
                .replay(
                    messaging.failedMessages().list(Filter.PARKED, 10).stream()
                        .map(FailedMessage::message)
                        .map(Message::id)
                        .toList());
          });
    }

    private Service user(World world, InProcessTransport network) throws SQLException {
      return services.start(
          world,
          network,
          "user",
          (builder, self) ->
              builder
                  .config(CONFIG)
                  .topic(Topic.of("user.changed", "order").snapshot(Users::page)));
    }

    private Service order(World world, InProcessTransport network) throws SQLException {
      return services.start(
          world,
          network,
          "order",
          (builder, self) ->
              builder
                  .config(CONFIG)
                  .subscribe(
                      Subscription.to("user")
                          .on("user.changed", Changed.class, Users::copy)
                          .build()));
    }

    /** Two at a time, so that there are several pages. */
    private static List<SnapshotSource.Item> page(
        Connection connection, Optional<String> after, int limit) throws SQLException {
      try (PreparedStatement select =
          connection.prepareStatement(
              "SELECT id, name FROM users WHERE id > ? ORDER BY id LIMIT 2")) {
        select.setString(1, after.orElse(""));
        List<SnapshotSource.Item> items = new ArrayList<>();
        try (ResultSet row = select.executeQuery()) {
          while (row.next()) {
            Changed now = new Changed(row.getString(1), Optional.of(row.getString(2)));
            items.add(new SnapshotSource.Item(row.getString(1), now));
          }
        }
        return items;
      }
    }

    private static void put(Service user, String id, String name) throws Exception {
      change(
          user,
          new Changed(id, Optional.of(name)),
          "INSERT INTO users VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
          id,
          name);
    }

    private static void delete(Service user, String id) throws Exception {
      change(user, new Changed(id, Optional.empty()), "DELETE FROM users WHERE id = ?", id);
    }

    private static void change(Service user, Changed changed, String sql, Object... values)
        throws Exception {
      user.work(
          (transactions, messaging) ->
              transactions.<SQLException>run(
                  unit -> {
                    write(unit.connection(), sql, values);
                    messaging.outbox().publish("user.changed", changed.id(), changed);
                  }));
    }

    private static void copy(Changed changed, MessageContext context) throws SQLException {
      Connection connection = context.unit().connection();
      if (changed.name().isEmpty()) {
        write(connection, "DELETE FROM user_copy WHERE id = ?", changed.id());
        return;
      }
      if (changed.name().get().equals("poison") && !repaired(connection)) {
        throw new IllegalStateException("cannot copy a poison");
      }
      write(
          connection,
          "INSERT INTO user_copy VALUES (?, ?)"
              + " ON CONFLICT (id) DO UPDATE SET name = excluded.name",
          changed.id(),
          changed.name().get());
    }

    private static boolean repaired(Connection connection) throws SQLException {
      try (PreparedStatement select = connection.prepareStatement("SELECT 1 FROM repaired");
          ResultSet row = select.executeQuery()) {
        return row.next();
      }
    }

    @Override
    public void check() throws SQLException {
      assertThat(services.column("order", "SELECT id || '=' || name FROM user_copy ORDER BY id"))
          .as("the copy")
          .isEqualTo(services.column("user", "SELECT id || '=' || name FROM users ORDER BY id"));
      assertThat(services.column("order", "SELECT order_key FROM tenon.retry"))
          .as("failed messages")
          .isEmpty();
    }
  }
}
