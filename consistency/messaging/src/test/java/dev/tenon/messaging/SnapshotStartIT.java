package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.UnitOfWork;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A subscriber that comes when there is much already. */
class SnapshotStartIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final int USERS = 10_000;

  private final InProcessTransport transport = new InProcessTransport();

  record User(String id, String name, boolean deleted) {}

  private static List<SnapshotSource.Item> page(
      Connection connection, Optional<String> after, int limit) throws SQLException {
    List<SnapshotSource.Item> items = new ArrayList<>();
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT id, name FROM users WHERE id > ? ORDER BY id LIMIT ?")) {
      select.setString(1, after.orElse(""));
      select.setInt(2, limit);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          User user = new User(row.getString(1), row.getString(2), false);
          items.add(new SnapshotSource.Item(user.id(), user));
        }
      }
    }
    return items;
  }

  private static void store(User user, MessageContext context) throws SQLException {
    String sql =
        user.deleted()
            ? "DELETE FROM copies WHERE id = ?"
            : "INSERT INTO copies (id, name) VALUES (?, ?)"
                + " ON CONFLICT (id) DO UPDATE SET name = excluded.name";
    try (PreparedStatement statement = context.unit().connection().prepareStatement(sql)) {
      statement.setString(1, user.id());
      if (!user.deleted()) {
        statement.setString(2, user.name());
      }
      statement.executeUpdate();
    }
  }

  private TestService subscriber(Database database) {
    return new TestService(
        "order",
        database,
        builder ->
            builder
                .transport(transport)
                .config(MessagingConfig.defaults().slots(2))
                .subscribe(
                    Subscription.to("user")
                        .on("user", User.class, SnapshotStartIT::store)
                        .build()));
  }

  private static void change(TestService user, String sql, User changed) throws SQLException {
    user.transactions.<SQLException>run(
        unit -> {
          execute(unit, sql);
          user.messaging.outbox().publish("user", changed.id(), changed);
        });
  }

  private static void execute(UnitOfWork unit, String sql) throws SQLException {
    try (var statement = unit.connection().createStatement()) {
      statement.execute(sql);
    }
  }

  private static long copies(TestService order) {
    return Long.parseLong(order.column("SELECT count(*) FROM copies").getFirst());
  }

  @Test
  void copiesAllThatExistsWhileItChangesAndTheSubscriberCrashes() throws SQLException {
    Database database = postgres.freshDatabase("order");
    try (TestService user = publisher(Topic.of("user", "order").snapshot(SnapshotStartIT::page))) {
      user.execute(
          "INSERT INTO users SELECT to_char(i, 'FM00000'), 'name ' || i"
              + " FROM generate_series(1, "
              + USERS
              + ") i");
      TestService crashed = subscriber(database);
      crashed.execute("CREATE TABLE copies (id text PRIMARY KEY, name text)");
      while (copies(crashed) < USERS / 3) {
        crashed.messaging.runPending();
      }
      crashed.close();

      change(
          user,
          "UPDATE users SET name = 'new' WHERE id IN ('00001')",
          new User("00001", "new", false));
      change(
          user,
          "UPDATE users SET name = 'new' WHERE id = '09999'",
          new User("09999", "new", false));
      change(user, "DELETE FROM users WHERE id = '00002'", new User("00002", "", true));
      change(user, "DELETE FROM users WHERE id = '09998'", new User("09998", "", true));
      change(user, "INSERT INTO users VALUES ('00000', 'x')", new User("00000", "x", false));
      change(user, "INSERT INTO users VALUES ('99999', 'x')", new User("99999", "x", false));
      change(user, "DELETE FROM users WHERE id = '99999'", new User("99999", "", true));
      try (TestService order = subscriber(database)) {
        assertThat(copies(order)).isBetween((long) USERS / 3, (long) USERS - 1_000);
        int idle = 0;
        while (idle < 2) {
          idle = user.messaging.runPending() | order.messaging.runPending() ? 0 : idle + 1;
        }

        assertThat(order.column("SELECT id || name FROM copies ORDER BY id COLLATE \"C\""))
            .isEqualTo(user.column("SELECT id || name FROM users ORDER BY id"))
            .hasSize(USERS - 1);
        assertThat(order.column("SELECT name FROM copies WHERE id IN ('00001', '09999')"))
            .containsExactly("new", "new");
      }
    }
  }

  private TestService subscriber(Database database, String... topics) {
    Subscription.Builder subscription = Subscription.to("user");
    for (String topic : topics) {
      subscription.on(
          topic,
          User.class,
          (user, context) -> {
            if (topic.equals("user")) {
              store(user, context);
            }
          });
    }
    return new TestService(
        "order",
        database,
        builder ->
            builder
                .transport(transport)
                .config(MessagingConfig.defaults().slots(1))
                .subscribe(subscription.build()));
  }

  private TestService publisher(Topic... topics) {
    TestService user =
        new TestService(
            "user",
            postgres.freshDatabase("users"),
            builder -> {
              List.of(topics).forEach(builder::topic);
              return builder;
            });
    transport.serve(user.messaging.feedSource());
    user.execute("CREATE TABLE users (id text COLLATE \"C\" PRIMARY KEY, name text)");
    return user;
  }

  private static void runAll(TestService service) {
    for (int idle = 0; idle < 2; ) {
      idle = service.messaging.runPending() ? 0 : idle + 1;
    }
  }

  @Test
  void readsTheWholeOfATopicAfterOneThatIsReadNoLonger() {
    Database database = postgres.freshDatabase("order");
    try (TestService user =
        publisher(
            Topic.of("account", "order").snapshot(SnapshotStartIT::page),
            Topic.of("user", "order").snapshot(SnapshotStartIT::page),
            Topic.of("visit", "order"))) {
      user.execute(
          "INSERT INTO users SELECT to_char(i, 'FM00000'), 'name ' || i"
              + " FROM generate_series(1, 2000) i");
      try (TestService both = subscriber(database, "account", "user")) {
        both.execute("CREATE TABLE copies (id text PRIMARY KEY, name text)");
        for (int pages = 0; pages < 3; pages++) {
          assertThat(both.messaging.runPending()).isTrue();
        }
        assertThat(both.column("SELECT snapshot FROM tenon.slot").getFirst())
            .startsWith("account\n0");
      }

      try (TestService one = subscriber(database, "user", "visit")) {
        runAll(one);
        assertThat(copies(one)).isEqualTo(2000);
      }
    }
  }

  @Test
  void goesOnWithTheLogWhenNoTopicThatIsReadHasASnapshotAnyMore() {
    Database database = postgres.freshDatabase("order");
    try (TestService user =
        publisher(
            Topic.of("account", "order").snapshot(SnapshotStartIT::page),
            Topic.of("user", "order"))) {
      user.execute("INSERT INTO users VALUES ('1', 'a')");
      try (TestService both = subscriber(database, "account", "user")) {
        both.execute("CREATE TABLE copies (id text PRIMARY KEY, name text)");
        assertThat(both.messaging.runPending()).isTrue();
        assertThat(both.messaging.runPending()).isTrue();
      }
      user.transactions.run(
          unit -> user.messaging.outbox().publish("user", "7", new User("7", "x", false)));
      user.messaging.runPending();

      try (TestService one = subscriber(database, "user")) {
        runAll(one);
        assertThat(copies(one)).isEqualTo(1);
      }
    }
  }

  @Test
  void refusesPagesThatAreNotInTheOrderOfTheirKeys() {
    try (TestService user =
            new TestService(
                "user",
                postgres.freshDatabase("users"),
                builder ->
                    builder.topic(
                        Topic.of("user", "order")
                            .snapshot(
                                (connection, after, limit) ->
                                    List.of(
                                        new SnapshotSource.Item("b", new User("b", "", false)),
                                        new SnapshotSource.Item("a", new User("a", "", false))))));
        TestService order = subscriber(postgres.freshDatabase("order"))) {
      transport.serve(user.messaging.feedSource());
      order.execute("CREATE TABLE copies (id text PRIMARY KEY, name text)");
      assertThatThrownBy(
              () -> {
                for (int i = 0; i < 3; i++) {
                  order.messaging.runPending();
                }
              })
          .hasMessageContaining("not in ascending order of the keys");
      assertThat(copies(order)).isZero();
    }
  }
}
