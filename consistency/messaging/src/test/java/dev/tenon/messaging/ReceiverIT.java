package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.Receipt.Executed;
import dev.tenon.messaging.Receipt.Rejected;
import dev.tenon.messaging.Receipt.Rejection;
import dev.tenon.messaging.Receipt.Replayed;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.RolledBackException;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.StatementBatch;
import dev.tenon.transaction.spi.TenonTables;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ReceiverIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final Fingerprint ONE = Fingerprint.ofBytes("POST /orders", new byte[] {1});
  private static final Fingerprint OTHER = Fingerprint.ofBytes("POST /orders", new byte[] {2});
  private static final IdempotencyKey KEY = IdempotencyKey.of("shop", "place", "k-1");
  private static final Duration RETENTION = Duration.ofHours(1);
  private static final int KEYS = 20;
  private static final int CALLS_PER_KEY = 8;

  private final MeterRegistry meters = new SimpleMeterRegistry();
  private final AtomicInteger runs = new AtomicInteger();
  private volatile Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private TestService first;
  private TestService second;

  String tenonSchema() {
    return "tenon";
  }

  @BeforeEach
  void start() {
    Database database = postgres.freshDatabase("order");
    first = instance(database);
    second = instance(database);
    first.execute("CREATE TABLE placed (product text)");
  }

  private TestService instance(Database database) {
    return new TestService("order", database, tenonSchema(), this::configured);
  }

  private Messaging.Builder configured(Messaging.Builder builder) {
    return builder
        .meters(meters)
        .config(MessagingConfig.defaults().replyRetention(RETENTION).replyBytesMax(100))
        .runtime(TenonRuntime.system().withClock(() -> now));
  }

  @AfterEach
  void stop() {
    first.close();
    second.close();
  }

  private static StoredReply reply(String body) {
    return new StoredReply(
        201, Map.of("location", "/orders/1"), body.getBytes(StandardCharsets.UTF_8));
  }

  private StoredReply place(UnitOfWork unit) {
    try (PreparedStatement insert =
        unit.connection().prepareStatement("INSERT INTO placed VALUES ('lamp')")) {
      insert.executeUpdate();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
    return reply("run " + runs.incrementAndGet());
  }

  /** Places an order under a key, through an instance. */
  private Receipt call(TestService instance, IdempotencyKey key) {
    return call(instance, key, this::place);
  }

  private static <X extends Exception> Receipt call(
      TestService instance, IdempotencyKey key, IdempotentReceiver.Work<X> work) throws X {
    return instance.messaging.receiver().handle(key, ONE, work);
  }

  private long placed() {
    return Long.parseLong(first.column("SELECT count(*) FROM placed").getFirst());
  }

  private static String body(Receipt receipt) {
    StoredReply reply =
        switch (receipt) {
          case Executed executed -> executed.reply();
          case Replayed replayed -> replayed.reply();
          case Rejected rejected -> throw new AssertionError(rejected);
        };
    assertThat(reply.status()).isEqualTo(201);
    assertThat(reply.headers()).containsExactly(Map.entry("location", "/orders/1"));
    return new String(reply.body(), StandardCharsets.UTF_8);
  }

  private double counted(String outcome) {
    return meters.counter("tenon.messaging.replies", "outcome", outcome).count();
  }

  @Test
  void repeatsTheReplyAndNotTheEffect() {
    Receipt executed = call(first, KEY);
    Receipt replayed = call(second, KEY);

    assertThat(executed).isInstanceOf(Executed.class);
    assertThat(replayed).isInstanceOf(Replayed.class);
    assertThat(body(executed)).isEqualTo("run 1").isEqualTo(body(replayed));
    assertThat(placed()).isEqualTo(1);
    assertThat(counted("executed")).isEqualTo(1);
    assertThat(counted("replayed")).isEqualTo(1);
  }

  @Test
  void keepsKeysOfCallersAndOperationsApart() {
    for (IdempotencyKey key :
        List.of(
            KEY,
            IdempotencyKey.of("till", "place", "k-1"),
            IdempotencyKey.of("shop", "cancel", "k-1"),
            IdempotencyKey.of("shop", "place", "k-2"))) {
      assertThat(call(first, key)).isInstanceOf(Executed.class);
    }

    assertThat(placed()).isEqualTo(4);
  }

  @Test
  void rejectsAnotherRequestUnderAUsedKey() {
    Receipt executed = call(first, KEY);
    Receipt rejected = second.messaging.receiver().handle(KEY, OTHER, this::place);

    assertThat(body(executed)).isEqualTo("run 1");
    assertThat(rejected).isEqualTo(new Rejected(Rejection.OTHER_REQUEST));
    assertThat(placed()).isEqualTo(1);
    assertThat(counted("other-request")).isEqualTo(1);
  }

  @Test
  void rejectsACallThatIsStillRunningInThisOrAnotherInstanceWithoutWaiting() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Receipt> slow =
          threads.submit(
              () ->
                  call(
                      first,
                      KEY,
                      unit -> {
                        StoredReply reply = place(unit);
                        running.countDown();
                        assertThat(mayEnd.await(60, TimeUnit.SECONDS)).isTrue();
                        return reply;
                      }));
      assertThat(running.await(60, TimeUnit.SECONDS)).isTrue();

      for (TestService instance : List.of(first, second)) {
        assertThat(call(instance, KEY)).isEqualTo(new Rejected(Rejection.STILL_RUNNING));
      }
      mayEnd.countDown();
      assertThat(slow.get(60, TimeUnit.SECONDS)).isInstanceOf(Executed.class);
    }

    assertThat(call(second, KEY)).isInstanceOf(Replayed.class);
    assertThat(placed()).isEqualTo(1);
    assertThat(counted("still-running")).isEqualTo(2);
  }

  @Test
  void runsOneOfManyEqualCallsAtOnce() throws Exception {
    assertThat(executed(first, second)).isEqualTo(KEYS);

    assertThat(placed()).isEqualTo(KEYS);
    assertThat(runs).hasValue(KEYS);
  }

  /** Asks for each of some keys often, and all at once; says how many calls were run. */
  private int executed(TestService... instances) throws Exception {
    List<Callable<Receipt>> calls = new ArrayList<>();
    for (int call = 0; call < CALLS_PER_KEY * KEYS; call++) {
      IdempotencyKey key = IdempotencyKey.of("shop", "place", "many-" + call % KEYS);
      TestService instance = instances[call % 3 % instances.length];
      calls.add(() -> untilAnswered(instance, key));
    }
    int executed = 0;
    try (ExecutorService threads = Executors.newFixedThreadPool(24)) {
      for (Future<Receipt> call : threads.invokeAll(calls)) {
        executed += call.get() instanceof Executed ? 1 : 0;
      }
    }
    return executed;
  }

  private Receipt untilAnswered(TestService instance, IdempotencyKey key) {
    while (true) {
      try {
        Receipt receipt = call(instance, key);
        if (!(receipt instanceof Rejected)) {
          return receipt;
        }
      } catch (TransactionException e) {
        assertThat(e).hasMessageContaining("could not serialize access");
      }
    }
  }

  @Test
  void runsACallOnceAlsoWhereTransactionsSeeAnOlderState() throws Exception {
    Database database = postgres.freshDatabase("strict");
    try (TestService strict =
        new TestService(
            "strict",
            database,
            pool -> pool.setTransactionIsolation("TRANSACTION_REPEATABLE_READ"),
            this::configured)) {
      strict.execute("CREATE TABLE placed (product text)");
      assertThat(executed(strict)).isEqualTo(KEYS);
      assertThat(strict.column("SELECT count(*) FROM placed")).containsExactly("" + KEYS);
    }
  }

  @Test
  void storesNothingOfAFailureAndLetsItBeTriedAgain() {
    assertThatThrownBy(
            () ->
                call(
                    first,
                    KEY,
                    unit -> {
                      place(unit);
                      throw new IllegalStateException("out of paper");
                    }))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("out of paper");
    assertThatThrownBy(
            () ->
                call(
                    first,
                    KEY,
                    unit -> {
                      unit.setRollbackOnly();
                      return place(unit);
                    }))
        .isInstanceOf(RolledBackException.class);
    assertThat(placed()).isZero();

    assertThat(call(first, KEY)).isInstanceOf(Executed.class);
    assertThat(placed()).isEqualTo(1);
  }

  @Test
  void storesARefusalWithoutItsEffects() {
    IdempotentReceiver.Work<RuntimeException> refusing =
        unit -> {
          throw new RefusalException("sold out", place(unit));
        };
    Receipt refused = call(first, KEY, refusing);
    Receipt repeated = call(second, KEY);

    assertThat(refused).isInstanceOf(Executed.class);
    assertThat(repeated).isInstanceOf(Replayed.class);
    assertThat(body(refused)).isEqualTo("run 1").isEqualTo(body(repeated));
    assertThat(placed()).isZero();
  }

  @Test
  void answersARefusalWithWhatAnotherInstanceStoredMeanwhile() {
    Receipt refused =
        call(
            first,
            KEY,
            unit -> {
              commitBehindItsBack(KEY);
              throw new RefusalException("sold out", place(unit));
            });

    assertThat(refused).isInstanceOf(Replayed.class);
    assertThat(body(refused)).isEqualTo("stored meanwhile");
    assertThat(placed()).isZero();
  }

  @Test
  void rollsBackWhenAnotherReplyWasStoredMeanwhile() {
    Receipt late =
        call(
            first,
            KEY,
            unit -> {
              commitBehindItsBack(KEY);
              return place(unit);
            });

    assertThat(late).isInstanceOf(Replayed.class);
    assertThat(body(late)).isEqualTo("stored meanwhile");
    assertThat(placed()).isZero();
  }

  /** As if the lock had not kept another instance away. */
  private void commitBehindItsBack(IdempotencyKey key) {
    try (Connection connection = second.pool.getConnection()) {
      connection.setAutoCommit(false);
      StatementBatch batch = new StatementBatch(connection);
      new ReplyStore(new TenonTables(tenonSchema()))
          .store(batch, List.of(new ReplyStore.Entry(key, ONE, reply("stored meanwhile"), now)));
      batch.run();
      connection.commit();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void takesTurnsWhenTheDigestsOfTwoKeysCollide() throws SQLException {
    long digest = new ReplyStore(new TenonTables(tenonSchema())).digest(KEY);
    try (Connection connection = second.pool.getConnection()) {
      connection.setAutoCommit(false);
      try (PreparedStatement lock =
          connection.prepareStatement("SELECT pg_advisory_xact_lock(?)")) {
        lock.setLong(1, digest);
        lock.execute();
      }
      assertThat(call(first, KEY)).isEqualTo(new Rejected(Rejection.STILL_RUNNING));
      connection.rollback();
    }

    assertThat(call(first, KEY)).isInstanceOf(Executed.class);
  }

  @Test
  void rejectsKeysThatAreOlderThanWhatIsStored() throws SQLException {
    IdempotencyKey aged = IdempotencyKey.of("shop", "place", uuid());
    IdempotencyKey told = IdempotencyKey.of("shop", "place", "told").createdAt(now);
    IdempotencyKey unused = IdempotencyKey.of("shop", "place", uuid());
    for (IdempotencyKey key : List.of(aged, told, KEY)) {
      assertThat(call(first, key)).isInstanceOf(Executed.class);
    }
    now = now.plus(RETENTION);
    keep();
    for (IdempotencyKey key : List.of(aged, told, KEY)) {
      assertThat(call(second, key)).isInstanceOf(Replayed.class);
    }

    now = now.plusMillis(1);
    keep();

    for (IdempotencyKey key : List.of(aged, told, unused)) {
      assertThat(call(second, key)).isEqualTo(new Rejected(Rejection.FORGOTTEN));
    }
    assertThat(counted("forgotten")).isEqualTo(3);
    assertThat(call(second, KEY))
        .as("nobody can tell the age of this key")
        .isInstanceOf(Executed.class);
    assertThat(call(second, IdempotencyKey.of("shop", "place", uuid())))
        .isInstanceOf(Executed.class);
    assertThat(placed()).isEqualTo(5);
  }

  @Test
  void keepsTheReplyOfAKeyFromAClockThatRunsAhead() throws SQLException {
    IdempotencyKey little =
        IdempotencyKey.of("shop", "place", "a little").createdAt(now.plusSeconds(60));
    IdempotencyKey absurd =
        IdempotencyKey.of("shop", "place", "absurd").createdAt(now.plus(Duration.ofDays(9999)));
    for (IdempotencyKey key : List.of(little, absurd)) {
      assertThat(call(first, key)).isInstanceOf(Executed.class);
    }

    now = now.plus(RETENTION).plusSeconds(30);
    keep();

    assertThat(call(first, little)).isInstanceOf(Replayed.class);
    assertThat(first.column("SELECT key FROM " + table("reply"))).containsExactly("a little");
  }

  @Test
  void doesNotForgetMoreThanTheDatabasesClockAllows() throws SQLException {
    Instant actual = TenonRuntime.system().clock().instant();
    now = actual;
    call(first, KEY);
    now = now.plus(Duration.ofDays(3650));

    keep();

    now = TenonRuntime.system().clock().instant();
    assertThat(call(first, IdempotencyKey.of("shop", "place", uuid())))
        .as("one instance's clock was wrong for a moment")
        .isInstanceOf(Executed.class);
  }

  private String table(String name) {
    return new TenonTables(tenonSchema()).sql("tenon." + name);
  }

  private String uuid() {
    return IdGenerator.timeOrdered(() -> now, new Random()).next().toString();
  }

  private void keep() throws SQLException {
    new LogKeeper(
            first.pool,
            new TenonTables(tenonSchema()),
            MessagingConfig.defaults().replyRetention(RETENTION),
            new MessagingMetrics(meters))
        .keep(now);
  }

  @Test
  void refusesRepliesThatAreTooLargeAndRollsBack() {
    assertThatThrownBy(
            () ->
                call(
                    first,
                    KEY,
                    unit -> {
                      place(unit);
                      return reply("x".repeat(101));
                    }))
        .isInstanceOf(MessagingException.class)
        .hasMessageContaining("[caller=shop, operation=place, key=k-1]")
        .hasMessageContaining("101 bytes (expected: at most 100)");
    assertThatThrownBy(() -> new StoredReply(200, Map.of("x", "y".repeat(8192)), new byte[0]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("headers: 8193 characters");
    assertThat(placed()).isZero();
  }

  @Test
  void refusesToHandleInsideOfATransaction() {
    assertThatThrownBy(() -> first.transactions.run(unit -> call(first, KEY)))
        .isInstanceOf(MessagingException.class)
        .hasMessageContaining("a transaction is open");
  }
}
