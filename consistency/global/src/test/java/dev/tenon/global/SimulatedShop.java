package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.global.StockService.Units;
import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.GlobalTransportException;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Receipt;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.schema.Dialect;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.crash.PostgresReset;
import dev.tenon.testing.crash.Scenario;
import dev.tenon.testing.crash.SendRules;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.Transactions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** A starter that reserves and takes; one of its orders it cancels. */
final class SimulatedShop implements Scenario, AutoCloseable {
  /** A mistake. */
  enum Planted {
    NOTHING,
    CONFIRM_IN_ANOTHER_COMMIT,
    GUESSED_ANSWERS
  }

  /** A call's answer; empty while there is none. */
  private static final class Answer {
    private final AtomicReference<Optional<Receipt>> receipt =
        new AtomicReference<>(Optional.empty());
  }

  /** How the starter calls; a call may come late, and its answer is lost then. */
  @FunctionalInterface
  public interface Calls {
    void call(SignedXid xid, String step, String what, Answer answer);
  }

  private static final List<String> ORDERS = List.of("kept", "cancelled");
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final SendRules RULES =
      SendRules.defaults()
          .failingWith(reason -> new GlobalTransportException(reason, new IOException(reason)));

  private final Map<String, DataSource> databases = new LinkedHashMap<>();
  private final Map<String, HikariDataSource> superusers = new HashMap<>();
  private final Map<String, PostgresReset> resets = new HashMap<>();
  private final PostgresExtension postgres;
  private final Planted planted;
  private final Dialect dialect;
  private Instant now = Instant.EPOCH;
  private int lives;

  private record Opened(String service, DataSource dataSource, Dialect dialect, String tenonSchema)
      implements ServiceDatabase {}

  SimulatedShop(PostgresExtension postgres, Planted planted) throws SQLException {
    this.postgres = postgres;
    this.planted = planted;
    database(
        "order",
        "CREATE TABLE placed (name text); GRANT ALL ON placed TO PUBLIC;"
            + " CREATE TABLE decision (xid text PRIMARY KEY, branches text);"
            + " GRANT ALL ON decision TO PUBLIC");
    dialect = database(StockService.NAME, StockService.TABLES);
    for (Map.Entry<String, HikariDataSource> superuser : superusers.entrySet()) {
      resets.put(superuser.getKey(), PostgresReset.to(superuser.getValue()));
    }
  }

  private Dialect database(String service, String tables) throws SQLException {
    Database database = postgres.freshDatabase(service);
    DataSource dataSource = postgres.dataSource(database);
    ServiceDatabase opened = ServiceDatabase.builder(service, dataSource).open();
    HikariDataSource superuser = new HikariDataSource();
    superuser.setDataSource(postgres.server().superuserDataSource(database.name()));
    superuser.setMaximumPoolSize(2);
    databases.put(service, dataSource);
    superusers.put(service, superuser);
    try (Connection connection = superuser.getConnection();
        var statement = connection.createStatement()) {
      statement.execute(tables);
    }
    return opened.dialect();
  }

  @Override
  public void close() {
    superusers.values().forEach(HikariDataSource::close);
  }

  @Override
  public void reset() throws SQLException {
    now = Instant.parse("2026-01-01T00:00:00Z");
    lives = 0;
    for (PostgresReset reset : resets.values()) {
      reset.restore();
    }
  }

  private SignedXid xid(String order) {
    Instant start = Instant.parse("2026-01-01T00:00:00Z");
    return SignedXid.sign(
        new Xid(
            "order",
            "1",
            start,
            start.plus(TIMEOUT),
            UUID.nameUUIDFromBytes(order.getBytes(StandardCharsets.UTF_8))),
        TestSigner.INSTANCE);
  }

  @Override
  public void run(World world) throws Exception {
    Running running = new Running(world);
    for (String order : ORDERS) {
      running.alone("order", () -> running.place(order));
    }
    running.requireDone();
  }

  @Override
  public void recover(World world) throws Exception {
    Running running = new Running(world);
    for (int round = 0; round < 10; round++) {
      for (String order : ORDERS) {
        running.alone("order", () -> running.deliver(order));
      }
      running.alone(StockService.NAME, () -> running.stock.participant.runPending());
      now = now.plusSeconds(15);
    }
    running.requireDone();
    running.alone(
        StockService.NAME,
        () -> {
          boolean any;
          do {
            any = running.stock.messaging.runPending();
          } while (any);
        });
    running.requireDone();
  }

  /** The services of one world. */
  private final class Running {
    private final World world;
    private StockService stock;
    private Transactions order;
    private final Set<String> ended = new HashSet<>();
    private @Nullable Exception failure;

    Running(World world) throws SQLException {
      this.world = world;
      this.stock = stock();
      this.order = order();
    }

    private Transactions transactions(String service) {
      DataSource counted = world.dataSource(service, databases.get(service));
      return Transactions.of(new Opened(service, counted, dialect, "tenon"));
    }

    private Transactions order() {
      return transactions("order");
    }

    private StockService stock() {
      Random random = new Random(++lives); // no life makes the ids of another
      TenonRuntime runtime =
          new TenonRuntime(
              () -> now,
              IdGenerator.timeOrdered(() -> now, random),
              random,
              Thread.ofVirtual().factory());
      GlobalTransport asking =
          world.sends(StockService.NAME, GlobalTransport.class, new Network(), RULES);
      StockService service =
          new StockService(
              () -> {},
              transactions(StockService.NAME),
              runtime,
              Optional.of(asking),
              GlobalConfig.defaults());
      if (planted == Planted.CONFIRM_IN_ANOTHER_COMMIT) {
        service.ending.set(
            (what, units) -> {
              try (Connection other =
                      world
                          .dataSource(StockService.NAME, databases.get(StockService.NAME))
                          .getConnection();
                  PreparedStatement insert =
                      other.prepareStatement("INSERT INTO moved (what, units) VALUES (?, 0)")) {
                insert.setString(1, what + " elsewhere");
                insert.executeUpdate();
              }
            });
      }
      return service;
    }

    /** Fails if any work has failed: only faults may make it. */
    void requireDone() throws Exception {
      if (failure != null) {
        throw failure;
      }
    }

    /** Work of a process, which is built again if it dies alone. */
    void alone(String process, World.Work work) throws Exception {
      boolean lived;
      try {
        lived = world.attempt(process, work);
      } catch (RuntimeException | SQLException e) {
        failure = e; // the others go on
        return;
      }
      if (!lived) {
        if (process.equals("order")) {
          order = order();
        } else {
          stock = stock();
        }
      }
    }

    /** Calls first, and writes last. */
    void place(String name) throws Exception {
      SignedXid xid = xid(name);
      List<Branch> branches = new ArrayList<>();
      Calls calls = world.sends("order", Calls.class, new Network(), RULES);
      boolean complete = true;
      for (String what : List.of("reserve", "take")) {
        Answer answer = new Answer();
        try {
          calls.call(xid, what, what, answer);
        } catch (GlobalTransportException e) {
          complete = false;
        }
        Optional<Receipt> receipt = answer.receipt.get();
        if (receipt.isPresent()) {
          branches.addAll(StockService.listing(receipt.get()).kept());
        } else {
          complete = false;
        }
      }
      if (complete && name.equals("kept")) {
        commit(xid, name, branches);
        deliver(name);
      } else {
        abort(xid);
        tell(xid, List.of(), Outcome.ABORTED);
      }
    }

    private void commit(SignedXid xid, String name, List<Branch> branches) throws SQLException {
      order.<SQLException>run(
          unit -> {
            execute(unit.connection(), "INSERT INTO placed VALUES (?)", name);
            String listed = new Listing(true, branches, List.of()).text();
            if (execute(unit.connection(), INSERT, xid.xid().text(), listed) == 0) {
              throw new SQLException("decided otherwise");
            }
          });
    }

    private void abort(SignedXid xid) throws SQLException {
      order.<SQLException>run(
          unit -> execute(unit.connection(), INSERT, xid.xid().text(), "aborted"));
    }

    /** Phase two. */
    void deliver(String name) throws SQLException {
      SignedXid xid = xid(name);
      Optional<String> decision = decision(xid);
      if (decision.isEmpty() || ended.contains(name)) {
        return;
      }
      boolean done =
          decision.get().equals("aborted")
              ? tell(xid, List.of(), Outcome.ABORTED)
              : tell(xid, Listing.parse(decision.get()).kept(), Outcome.COMMITTED);
      if (done) {
        ended.add(name);
      }
    }

    private boolean tell(SignedXid xid, List<Branch> branches, Outcome outcome) {
      GlobalTransport telling = world.sends("order", GlobalTransport.class, new Network(), RULES);
      List<BranchOrder> orders = new ArrayList<>();
      branches.forEach(
          branch -> orders.add(new BranchOrder(xid.header(), branch.step(), branch.id(), outcome)));
      if (branches.isEmpty()) {
        orders.add(new BranchOrder(xid.header(), "reserve", null, outcome));
      }
      return telling.finish(StockService.NAME, orders).stream()
          .allMatch(result -> result == OrderResult.DONE);
    }

    private static final String INSERT =
        "INSERT INTO decision VALUES (?, ?) ON CONFLICT DO NOTHING";

    private Optional<String> decision(SignedXid xid) throws SQLException {
      return order.<Optional<String>, SQLException>read(
          unit -> {
            try (PreparedStatement select =
                unit.connection().prepareStatement("SELECT branches FROM decision WHERE xid = ?")) {
              select.setString(1, xid.xid().text());
              try (ResultSet row = select.executeQuery()) {
                return row.next() ? Optional.of(row.getString(1)) : Optional.empty();
              }
            }
          });
    }

    private static int execute(Connection connection, String sql, String... values)
        throws SQLException {
      try (PreparedStatement statement = connection.prepareStatement(sql)) {
        for (int i = 0; i < values.length; i++) {
          statement.setString(i + 1, values[i]);
        }
        return statement.executeUpdate();
      }
    }

    /** What each service answers to the other. */
    private final class Network implements GlobalTransport, Calls {
      @Override
      public void call(SignedXid xid, String step, String what, Answer answer) {
        Units units = new Units(xid.equals(xid("kept")) ? "kept" : "cancelled", 1);
        reach(
            StockService.NAME,
            () ->
                answer.receipt.set(
                    Optional.of(
                        what.equals("take")
                            ? stock.take(xid, step, units)
                            : stock.reserve(xid, step, units))));
      }

      @Override
      public List<OrderResult> finish(String service, List<BranchOrder> orders) {
        List<OrderResult> results = new ArrayList<>();
        reach(StockService.NAME, () -> results.addAll(stock.participant.finish("order", orders)));
        return results;
      }

      @Override
      public List<BranchAnswer> inquire(String starter, List<BranchQuestion> questions) {
        List<BranchAnswer> answers = new ArrayList<>();
        reach(
            "order",
            () -> {
              for (BranchQuestion question : questions) {
                answers.add(answer(question));
              }
            });
        return answers;
      }

      private BranchAnswer answer(BranchQuestion question) throws SQLException {
        SignedXid xid = SignedXid.verify(question.xid(), TestSigner.INSTANCE);
        Optional<String> decision = decision(xid);
        if (decision.isPresent()) {
          boolean listed =
              !decision.get().equals("aborted")
                  && Listing.parse(decision.get()).kept().stream()
                      .anyMatch(branch -> branch.id().equals(question.branch()));
          return listed ? BranchAnswer.COMMIT : BranchAnswer.ABORT;
        }
        if (planted == Planted.GUESSED_ANSWERS) {
          return BranchAnswer.COMMIT;
        }
        if (!now.isAfter(xid.xid().deadline())) {
          return BranchAnswer.PENDING;
        }
        abort(xid);
        return answer(question);
      }

      /** Work of the other process; no answer comes if it fails or dies. */
      private void reach(String process, World.Work work) {
        boolean lived;
        try {
          lived = world.attempt(process, work);
        } catch (Exception e) {
          throw new GlobalTransportException("an error of " + process, e);
        }
        if (!lived) {
          if (process.equals("order")) {
            order = order();
          } else {
            stock = stock();
          }
          throw new GlobalTransportException(process + " died", new IOException("died"));
        }
      }
    }
  }

  @Override
  public void check() throws SQLException {
    boolean kept = column("order", "SELECT name FROM placed").equals(List.of("kept"));
    List<String> effects = column("stock", "SELECT what FROM moved ORDER BY what");
    List<String> messages =
        column(
            "stock",
            "SELECT trim(both '\"' from convert_from(payload, 'UTF8')) || ' ' || key"
                + " FROM tenon.outbox ORDER BY 1");
    if (kept) {
      assertThat(effects.stream().filter(what -> what.contains("kept")))
          .containsExactly("confirm kept", "take kept", "try kept");
      assertThat(messages.stream().filter(what -> what.contains("kept")))
          .containsExactly("confirm kept", "take kept", "try kept");
    } else {
      assertUndone("kept", effects, messages);
    }
    assertUndone("cancelled", effects, messages);
    assertThat(effects).noneMatch(what -> doubled(what, effects));
    assertThat(
            column(
                "stock",
                "SELECT step || state FROM tenon.branch"
                    + " WHERE state NOT IN ('COMMITTED', 'ABORTED')"))
        .as("open branches")
        .isEmpty();
    assertThat(column("stock", "SELECT id FROM tenon.branch_message")).isEmpty();
  }

  private static boolean doubled(String what, List<String> effects) {
    return effects.indexOf(what) != effects.lastIndexOf(what);
  }

  private static void assertUndone(String order, List<String> effects, List<String> messages) {
    assertThat(effects).doesNotContain("confirm " + order);
    assertThat(effects.contains("cancel " + order))
        .as("cancelled if tried: " + effects)
        .isEqualTo(effects.contains("try " + order));
    assertThat(effects.contains("putBack " + order))
        .as("put back if taken: " + effects)
        .isEqualTo(effects.contains("take " + order));
    assertThat(messages).doesNotContain("try " + order, "take " + order, "confirm " + order);
    assertThat(messages.contains("cancel " + order)).isEqualTo(effects.contains("cancel " + order));
  }

  private List<String> column(String service, String sql) throws SQLException {
    try (Connection connection = superusers.get(service).getConnection();
        PreparedStatement select = connection.prepareStatement(sql);
        ResultSet row = select.executeQuery()) {
      List<String> values = new ArrayList<>();
      while (row.next()) {
        values.add(row.getString(1));
      }
      return values;
    }
  }
}
