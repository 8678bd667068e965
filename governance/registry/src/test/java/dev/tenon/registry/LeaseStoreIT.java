package dev.tenon.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.registry.Changes.Change;
import dev.tenon.registry.Changes.Reach;
import dev.tenon.registry.Instance.Location;
import dev.tenon.registry.Instance.Traits;
import dev.tenon.registry.LeaseStore.Expiry;
import dev.tenon.registry.Registration.State;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The registry's truth, on PostgreSQL. */
class LeaseStoreIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Logger log = LoggerFactory.getLogger(LeaseStoreIT.class);
  private static final Duration LEASE = Duration.ofSeconds(15);
  private static final UUID UNKNOWN = new UUID(0, 0);
  private static final int THREADS = 8;
  private static final int ROUNDS = 60;

  private HikariDataSource pool;
  private LeaseStore store;

  @BeforeEach
  void open() {
    Database database = postgres.freshDatabase("platform");
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.jdbcUrl());
    config.setUsername(database.user());
    config.setPassword(database.password());
    config.setMaximumPoolSize(THREADS + 2);
    pool = new HikariDataSource(config);
    ServiceDatabase.builder("tenon-server", pool)
        .migrations("classpath:dev/tenon/registry/postgresql")
        .open();
    store = new LeaseStore(pool, LEASE);
  }

  @AfterEach
  void close() {
    pool.close();
  }

  private static Instance instance(String service, UUID id, int weight) {
    return new Instance(
        service,
        id,
        new Location("10.0.0.7", Map.of("tenon", 7001, "http", 8080), "eu-1"),
        new Traits(weight, "1.2.3", Map.of("team", "stock")));
  }

  private Registration register(String service) {
    return store.register(instance(service, UUID.randomUUID(), 100), 0).orElseThrow();
  }

  private Changes all() {
    return store.changes(UNKNOWN, 0);
  }

  /** Time passes, for the leases of a service. */
  private void pass(String service) throws SQLException {
    execute(
        "update registry_instance set lease_until = lease_until - interval '1 min' where service ~"
            + " '"
            + service
            + "'");
  }

  private void execute(String sql) throws SQLException {
    try (Connection connection = pool.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  @Test
  void registersOnceHoweverOftenItIsSaid() {
    Instance instance = instance("stock", UUID.randomUUID(), 100);
    Registration first = store.register(instance, 0).orElseThrow();

    Registration again = store.register(instance, first.epoch()).orElseThrow();
    Registration heavier =
        store.register(instance("stock", instance.id(), 200), first.epoch()).orElseThrow();

    assertThat(again).isEqualTo(first);
    assertThat(heavier.epoch()).isEqualTo(first.epoch());
    assertThat(heavier.version()).isGreaterThan(first.version());
    assertThat(all().list()).containsExactly(new Change.Put(heavier));
    assertThat(all().reach()).isEqualTo(Reach.ALL);
  }

  @Test
  void heedsNothingThatAnEarlierIncarnationSays() {
    Instance instance = instance("stock", UUID.randomUUID(), 100);
    Registration early = store.register(instance, 0).orElseThrow();
    Registration late = store.register(instance, 0).orElseThrow();
    long version = all().version();

    assertThat(late.epoch()).isGreaterThan(early.epoch());
    assertThat(store.renew(List.of(early.lease(), late.lease()))).containsExactly(late.lease());
    assertThat(store.drain(early.lease())).isFalse();
    assertThat(store.leave(early.lease())).isFalse();
    assertThat(store.register(instance, early.epoch())).isEmpty();
    assertThat(all().list()).containsExactly(new Change.Put(late));
    assertThat(all().version()).as("numbers are for changes").isEqualTo(version);
  }

  @Test
  void tellsWhatHasChangedSinceANumber() {
    Registration stays = register("stock");
    Registration leaves = register("order");
    Changes before = all();

    assertThat(store.drain(stays.lease())).isTrue();
    assertThat(store.drain(stays.lease())).as("it drains already").isFalse();
    assertThat(store.leave(leaves.lease())).isTrue();
    Changes since = store.changes(before.history(), before.version());

    assertThat(since.reach()).isEqualTo(Reach.SINCE);
    assertThat(since.version()).isEqualTo(before.version() + 2);
    assertThat(since.list())
        .containsExactly(
            new Change.Put(
                new Registration(
                    stays.instance(), stays.epoch(), State.DRAINING, before.version() + 1)),
            new Change.Gone(before.version() + 2, leaves.lease(), Changes.Reason.LEFT));
    assertThat(store.changes(since.history(), since.version()).list()).isEmpty();
  }

  @Test
  void takesOutWhoDoesNotRenew() throws SQLException {
    Registration dead = register("dead");
    Registration alive = register("stock");
    long before = all().version();
    pass("dead|stock");

    assertThat(store.renew(List.of(alive.lease()))).containsExactly(alive.lease());
    assertThat(store.expire()).isEqualTo(new Expiry.Expired(List.of(dead.lease())));
    assertThat(store.expire()).isEqualTo(new Expiry.Expired(List.of()));

    assertThat(store.changes(all().history(), before).list())
        .containsExactly(new Change.Gone(before + 1, dead.lease(), Changes.Reason.EXPIRED));
    assertThat(store.renew(List.of(dead.lease()))).isEmpty();
    assertThat(store.register(dead.instance(), dead.epoch())).isPresent();
  }

  @Test
  void takesOutNobodyWhereMostWouldGo() throws SQLException {
    List<Registration> all = IntStream.range(0, 10).mapToObj(i -> register("s" + i)).toList();
    pass("s[0-3]");

    assertThat(store.expire()).isEqualTo(new Expiry.Paused(10, 4));
    assertThat(all().list()).hasSize(10);

    store.renew(List.of(all.get(0).lease()));
    assertThat(store.expire())
        .isInstanceOfSatisfying(
            Expiry.Expired.class,
            expired ->
                assertThat(expired.leases())
                    .containsExactlyInAnyOrder(
                        all.get(1).lease(), all.get(2).lease(), all.get(3).lease()));
  }

  @Test
  void givesEverybodyAWholeLeaseAfterNoServerWasThere() throws SQLException {
    Registration silent = register("stock");
    store.expire();
    pass("stock");
    execute("update registry_state set alive_at = alive_at - interval '6 s'");

    assertThat(store.expire()).isEqualTo(new Expiry.Waiting());
    assertThat(store.expire()).as("still").isEqualTo(new Expiry.Waiting());
    execute("update registry_state set expire_after = expire_after - interval '15 s'");

    assertThat(store.expire()).isEqualTo(new Expiry.Expired(List.of(silent.lease())));
  }

  @Test
  void givesTheWholeListToWhoIsTooFarBehindOrOfAnotherHistory() throws SQLException {
    Registration left = register("stock");
    Changes early = all();
    store.leave(left.lease());
    Registration stays = register("order");
    execute("update registry_state set version = version + " + LeaseStore.NUMBERS_KEPT);
    Changes late = all();

    store.forget();

    Changes behind = store.changes(early.history(), early.version());
    assertThat(behind.reach()).isEqualTo(Reach.ALL);
    assertThat(behind.list()).containsExactly(new Change.Put(stays));
    assertThat(store.changes(late.history(), late.version()).reach()).isEqualTo(Reach.SINCE);
    assertThat(store.changes(UUID.randomUUID(), late.version()).reach()).isEqualTo(Reach.ALL);
    assertThat(store.changes(late.history(), late.version() + 1).reach()).isEqualTo(Reach.ALL);
  }

  @Test
  void losesNoChangeToWhoFollowsWhileManyChange() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      List<Future<?>> running = new ArrayList<>();
      for (int thread = 0; thread < THREADS; thread++) {
        Random random = new Random(thread);
        String service = "s" + thread;
        running.add(threads.submit(() -> change(service, random)));
      }
      Map<UUID, Registration> followed = new HashMap<>();
      Changes last = follow(followed, store.changes(UNKNOWN, 0));
      while (!running.stream().allMatch(Future::isDone)) {
        last = follow(followed, store.changes(last.history(), last.version()));
      }
      for (Future<?> each : running) {
        each.get();
      }
      follow(followed, store.changes(last.history(), last.version()));
      Map<UUID, Registration> whole = new HashMap<>();
      follow(whole, all());

      assertThat(followed).isEqualTo(whole).isNotEmpty();
    }
  }

  private void change(String service, Random random) {
    List<Registration> own = new ArrayList<>();
    for (int i = 0; i < ROUNDS; i++) {
      if (own.isEmpty() || random.nextInt(3) > 0) {
        own.add(register(service));
      } else {
        store.leave(own.remove(random.nextInt(own.size())).lease());
      }
    }
  }

  private static Changes follow(Map<UUID, Registration> known, Changes changes) {
    if (changes.reach() == Reach.ALL) {
      known.clear();
    }
    for (Change change : changes.list()) {
      switch (change) {
        case Change.Put put -> known.put(put.registration().instance().id(), put.registration());
        case Change.Gone gone -> known.remove(gone.lease().id());
      }
    }
    return changes;
  }

  @Test
  void refusesMoreInstancesThanItHolds() throws SQLException {
    execute("update registry_state set instances = " + LeaseStore.INSTANCES_MAX);

    assertThatThrownBy(() -> register("stock"))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("there are 50000 instances, and no more may be registered");
    assertThat(all().list()).isEmpty();
  }

  @Test
  void renewsTenThousandInOneCommit() throws SQLException {
    execute(
        """
        insert into registry_instance
        select 's' || n / 10, gen_random_uuid(), 1, 'UP', '{}', clock_timestamp(), 1
        from generate_series(1, 10000) n
        """);
    List<Lease> leases = new ArrayList<>();
    try (Connection connection = pool.getConnection();
        var rows =
            connection
                .createStatement()
                .executeQuery("select service, id from registry_instance")) {
      while (rows.next()) {
        leases.add(new Lease(rows.getString(1), rows.getObject(2, UUID.class), 1));
      }
    }
    for (int i = 0; i < 3; i++) {
      long start = System.nanoTime();
      assertThat(store.renew(leases)).hasSize(10_000);
      log.info("renewed 10,000 leases in {} ms", (System.nanoTime() - start) / 1_000_000);
    }
  }
}
