package dev.tenon.global;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.StoredReply;
import dev.tenon.messaging.Topic;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.awaitility.Awaitility;

/** An instance of a participant: it reserves (TCC) and takes (saga) units of a product. */
final class StockService implements AutoCloseable {
  static final String NAME = "stock";
  static final String TABLES =
      "CREATE TABLE moved (place serial, what text, units int); GRANT ALL ON moved TO PUBLIC;"
          + " GRANT ALL ON SEQUENCE moved_place_seq TO PUBLIC";

  final BranchType<Units> reserve =
      BranchType.tcc(
          "reserve",
          Units.class,
          (units, unit) -> end(unit, "confirm", units),
          (units, unit) -> end(unit, "cancel", units));
  final BranchType<Units> take =
      BranchType.saga("take", Units.class, (units, unit) -> end(unit, "putBack", units));
  final BranchType<Units> move = BranchType.xa("move", Units.class);
  final Pool pool;
  final Transactions transactions;
  final Messaging messaging;
  final MeterRegistry meters = new SimpleMeterRegistry();
  final AtomicReference<Ending> ending = new AtomicReference<>((what, units) -> {});
  final LocalParticipant participant;
  final OpenTransactions open;

  /** Where the connections come from. */
  @FunctionalInterface
  interface Pool {
    void close();
  }

  /** What a branch is about. */
  record Units(String product, int units) {}

  /** Interferes with the end of a branch. */
  @FunctionalInterface
  interface Ending {
    void before(String what, Units units) throws Exception;
  }

  StockService(Database database, Clock clock, Optional<GlobalTransport> transport) {
    this(database, clock, transport, GlobalConfig.defaults(), config -> {});
  }

  StockService(
      Database database,
      Clock clock,
      Optional<GlobalTransport> transport,
      GlobalConfig global,
      Consumer<HikariConfig> pooling) {
    this(
        pool(database, pooling),
        TenonRuntime.system().withClock(() -> clock.now),
        transport,
        global);
  }

  private StockService(
      HikariDataSource pool,
      TenonRuntime runtime,
      Optional<GlobalTransport> transport,
      GlobalConfig global) {
    this(
        pool::close,
        Transactions.of(ServiceDatabase.builder(NAME, pool).open()),
        runtime,
        transport,
        global);
  }

  StockService(
      Pool pool,
      Transactions transactions,
      TenonRuntime runtime,
      Optional<GlobalTransport> transport,
      GlobalConfig global) {
    this(pool, transactions, runtime, transport, global, List.of());
  }

  StockService(
      Database database,
      Clock clock,
      Optional<GlobalTransport> transport,
      List<XaDatabase> databases) {
    this(
        pool(database, config -> {}),
        TenonRuntime.system().withClock(() -> clock.now),
        transport,
        databases);
  }

  private StockService(
      HikariDataSource pool,
      TenonRuntime runtime,
      Optional<GlobalTransport> transport,
      List<XaDatabase> databases) {
    this(
        pool::close,
        Transactions.of(ServiceDatabase.builder(NAME, pool).open()),
        runtime,
        transport,
        GlobalConfig.defaults(),
        databases);
  }

  private StockService(
      Pool pool,
      Transactions transactions,
      TenonRuntime runtime,
      Optional<GlobalTransport> transport,
      GlobalConfig global,
      List<XaDatabase> databases) {
    this.pool = pool;
    this.transactions = transactions;
    messaging =
        Messaging.builder(transactions)
            .topic(Topic.of("stock.moved", Topic.ANYONE))
            .runtime(runtime)
            .build();
    participant =
        new LocalParticipant(
            new ParticipantParts(
                transactions,
                messaging,
                global,
                runtime,
                meters,
                TestSigner.INSTANCE,
                transport,
                List.of(reserve, take, move),
                databases,
                runtime.ids().next()));
    open = new LocalOpenTransactions(transactions, messaging, runtime.clock(), DecisionStore.CLOCK);
  }

  private static HikariDataSource pool(Database database, Consumer<HikariConfig> pooling) {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.jdbcUrl());
    config.setUsername(database.user());
    config.setPassword(database.password());
    config.setMaximumPoolSize(8);
    pooling.accept(config);
    return new HikariDataSource(config);
  }

  StockService(Database database, Clock clock, String isolation) {
    this(
        database,
        clock,
        Optional.empty(),
        GlobalConfig.defaults(),
        config ->
            config.addDataSourceProperty(
                "options", "-c default_transaction_isolation=" + isolation.replace(" ", "\\ ")));
  }

  /** The time of a test. */
  static final class Clock {
    volatile Instant now = Instant.parse("2026-01-01T00:00:00Z");

    void pass(Duration time) {
      now = now.plus(time);
    }

    /** A transaction that begins now. */
    SignedXid xid() {
      return SignedXid.sign(
          new Xid("order", "1", now, now.plusSeconds(30), UUID.randomUUID()), TestSigner.INSTANCE);
    }
  }

  private void end(UnitOfWork unit, String what, Units units) throws Exception {
    write(unit, what, units);
    ending.get().before(what, units);
    messaging.outbox().publish("stock.moved", units.product(), what);
  }

  void write(UnitOfWork unit, String what, Units units) {
    try (PreparedStatement insert =
        unit.connection().prepareStatement("INSERT INTO moved (what, units) VALUES (?, ?)")) {
      insert.setString(1, what + " " + units.product());
      insert.setInt(2, units.units());
      insert.executeUpdate();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs statements in a unit of work. */
  void statement(UnitOfWork unit, String sql) {
    try (var statement = unit.connection().createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A call that tries to reserve. */
  StoredReply reserve(UnitOfWork unit, Units units) {
    write(unit, "try", units);
    messaging.outbox().publish("stock.moved", units.product(), "try");
    participant.open(reserve, units);
    return reply("reserved " + units.units());
  }

  /** A call that takes. */
  StoredReply take(UnitOfWork unit, Units units) {
    participant.open(take, units);
    write(unit, "take", units);
    messaging.outbox().publish("stock.moved", units.product(), "take");
    return reply("taken " + units.units());
  }

  /** A call whose effect is prepared. */
  StoredReply move(UnitOfWork unit, Units units) {
    participant.open(move, units);
    write(unit, "move", units);
    messaging.outbox().publish("stock.moved", units.product(), "move");
    return reply("moved " + units.units());
  }

  static StoredReply reply(String body) {
    return new StoredReply(200, Map.of(), body.getBytes(StandardCharsets.UTF_8));
  }

  static String body(Receipt receipt) {
    return new String(replied(receipt).body(), StandardCharsets.UTF_8);
  }

  static StoredReply replied(Receipt receipt) {
    return switch (receipt) {
      case Receipt.Executed executed -> executed.reply();
      case Receipt.Replayed replayed -> replayed.reply();
      case Receipt.Rejected rejected -> throw new AssertionError(rejected);
    };
  }

  static Listing listing(Receipt receipt) {
    return Listing.parse(replied(receipt).headers().get(Listing.HEADER));
  }

  static BranchCall call(SignedXid xid, String step) {
    return new BranchCall(xid.header(), step, xid.xid().starter(), "stock");
  }

  Receipt reserve(SignedXid xid, String step, Units units) {
    return participant.handle(
        call(xid, step), Fingerprint.ofValue("reserve", units), unit -> reserve(unit, units));
  }

  Receipt take(SignedXid xid, String step, Units units) {
    return participant.handle(
        call(xid, step), Fingerprint.ofValue("take", units), unit -> take(unit, units));
  }

  Receipt move(SignedXid xid, String step, Units units) {
    return participant.handle(
        call(xid, step), Fingerprint.ofValue("move", units), unit -> move(unit, units));
  }

  OrderResult finish(SignedXid xid, Branch branch, Outcome outcome) {
    return finish(new BranchOrder(xid.header(), branch.step(), branch.id(), outcome)).getFirst();
  }

  OrderResult abort(SignedXid xid, String step) {
    return finish(new BranchOrder(xid.header(), step, null, Outcome.ABORTED)).getFirst();
  }

  List<OrderResult> finish(BranchOrder... orders) {
    return participant.finish("order", List.of(orders));
  }

  List<String> moved() {
    return column("SELECT what || ' ' || units FROM moved ORDER BY place");
  }

  List<String> sent() {
    return column("SELECT convert_from(payload, 'UTF8') FROM tenon.outbox ORDER BY seq");
  }

  List<String> states() {
    return column("SELECT step || ' ' || state FROM tenon.branch ORDER BY step");
  }

  List<String> column(String sql) {
    return transactions.read(
        unit -> {
          try (PreparedStatement select = unit.connection().prepareStatement(sql);
              ResultSet row = select.executeQuery()) {
            List<String> values = new ArrayList<>();
            while (row.next()) {
              values.add(row.getString(1));
            }
            return values;
          } catch (SQLException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  /** Waits until a session waits for another one. */
  void awaitBlocked() {
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () ->
                !column(
                        "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database()"
                            + " AND wait_event_type = 'Lock'")
                    .isEmpty());
  }

  /** What is prepared in this database. */
  List<String> prepared() {
    return column("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()");
  }

  void execute(String sql) {
    transactions.call(
        unit -> {
          try (var statement = unit.connection().createStatement()) {
            return statement.execute(sql);
          } catch (SQLException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  @Override
  public void close() {
    participant.close();
    messaging.close();
    pool.close();
  }
}
