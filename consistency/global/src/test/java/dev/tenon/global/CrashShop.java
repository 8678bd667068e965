package dev.tenon.global;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.global.spi.BranchOrder;
import dev.tenon.global.spi.BranchQuestion;
import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.GlobalTransportException;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.RefusalException;
import dev.tenon.messaging.StoredReply;
import dev.tenon.messaging.Topic;
import dev.tenon.runtime.Backoff;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.testing.crash.Scenario;
import dev.tenon.testing.crash.SendRules;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * Orders that reserve stock (TCC) and take money (saga), each service over its own database: some
 * are placed, one is refused, one fails after its calls, one is so slow that it is asked about
 * meanwhile. All databases and processes share a clock that the scenario moves.
 */
public final class CrashShop implements Scenario, AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final Duration STEP = Duration.ofSeconds(20);
  private static final int STEPS_MAX = 20;
  private static final int ROUNDS_MAX = 200;
  private static final int TRIES_MAX = 2;
  private static final GlobalConfig CONFIG =
      new GlobalConfig(
          TIMEOUT,
          Duration.ofSeconds(3),
          Duration.ofDays(7),
          Duration.ofSeconds(5),
          new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(2)),
          10,
          100);
  private static final SendRules CALLS = SendRules.defaults().failingWith(LostException::new);
  private static final SendRules ORDERS =
      SendRules.defaults()
          .polls("inquire")
          .failingWith(message -> new GlobalTransportException(message, new IOException(message)));

  private final CrashDatabases databases;
  private final Bug bug;
  private Instant now = Instant.EPOCH;

  /** What is planted. */
  enum Bug {
    NONE,
    /** The starter's rows are committed before the decision. */
    DECISION_APART,
    /** An inquiry before the decision is answered by ABORT, and nothing is written. */
    ABORT_UNWRITTEN,
    /** A call without an answer is taken for one that did nothing. */
    LOST_CALL_IGNORED
  }

  /** No answer came. */
  static final class LostException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    LostException(String message) {
      super(message);
    }
  }

  /** What the starter calls. */
  public interface Calls {
    /** Runs a call, or gives the stored reply. */
    Answer call(BranchCall call, int number);
  }

  /** A response: whether it is a refusal, and its listing. */
  public record Answer(boolean refused, Optional<String> listing) {}

  CrashShop(PostgresExtension postgres, Bug bug) throws SQLException {
    this.bug = bug;
    databases = new CrashDatabases(postgres, List.of("order", "stock", "wallet"));
  }

  @Override
  public void reset() throws SQLException {
    databases.reset();
    now = Instant.parse("2026-01-01T00:00:00Z");
    databases.clock(now);
  }

  private void pass(Duration time) throws SQLException {
    now = now.plus(time);
    databases.clock(now);
  }

  /** The services of one world. */
  private final class Shop {
    private final World world;
    private final List<Exception> failures = new ArrayList<>();
    private final Map<String, LocalParticipant> participants = new HashMap<>();
    private final Map<String, BranchType<Integer>> types = new HashMap<>();
    private final Map<String, Messaging> messagings = new HashMap<>();
    private final Map<String, Transactions> transactions = new HashMap<>();
    private @Nullable GlobalTransactions order;

    Shop(World world) {
      this.world = world;
      participant("stock");
      participant("wallet");
      order();
    }

    private Transactions opened(String service) {
      Transactions opened =
          Transactions.of(databases.opened(service, real -> world.dataSource(service, real)));
      transactions.put(service, opened);
      return opened;
    }

    private TenonRuntime runtime(String service) {
      Random random = new Random(service.hashCode() + now.toEpochMilli());
      return new TenonRuntime(
          () -> now,
          IdGenerator.timeOrdered(() -> now, random),
          random,
          Thread.ofVirtual().factory());
    }

    private Messaging messaging(String service, TenonRuntime runtime) {
      Messaging messaging =
          Messaging.builder(opened(service))
              .runtime(runtime)
              .topic(Topic.of(service + ".moved", Topic.ANYONE))
              .build();
      messagings.put(service, messaging);
      return messaging;
    }

    private GlobalTransport transport(String service) {
      return world.sends(service, GlobalTransport.class, new Network(), ORDERS);
    }

    private void participant(String service) {
      TenonRuntime runtime = runtime(service);
      Messaging messaging = messaging(service, runtime);
      participants.put(
          service,
          new LocalParticipant(
              new ParticipantParts(
                  requireNonNull(transactions.get(service)),
                  messaging,
                  CONFIG,
                  runtime,
                  new SimpleMeterRegistry(),
                  TestSigner.INSTANCE,
                  Optional.of(transport(service)),
                  List.of(type(service)),
                  runtime.ids().next())));
    }

    private BranchType<Integer> type(String service) {
      return types.computeIfAbsent(service, this::declared);
    }

    private BranchType<Integer> declared(String service) {
      return service.equals("stock")
          ? BranchType.tcc(
              "move",
              Integer.class,
              (number, unit) -> move(service, unit, "confirm", number),
              (number, unit) -> move(service, unit, "undo", number))
          : BranchType.saga(
              "move", Integer.class, (number, unit) -> move(service, unit, "undo", number));
    }

    private void move(String service, UnitOfWork unit, String what, int number) {
      StartingService.write(unit, "INSERT INTO moved VALUES ('" + what + "', " + number + ")");
      requireNonNull(messagings.get(service)).outbox().publish(service + ".moved", what);
    }

    private void order() {
      TenonRuntime runtime = runtime("order");
      Messaging messaging = messaging("order", runtime);
      GlobalTransactions.Builder builder =
          GlobalTransactions.builder(requireNonNull(transactions.get("order")), messaging)
              .config(CONFIG)
              .runtime(runtime)
              .signer(TestSigner.INSTANCE)
              .transport(transport("order"));
      order = ((GlobalTransactionsBuilder) builder).databaseClock(CrashDatabases.CLOCK).build();
    }

    private GlobalTransactions starter() {
      return requireNonNull(order);
    }

    /** Delivers to whatever process of the service lives now. */
    private final class Network implements GlobalTransport {
      @Override
      public List<OrderResult> finish(String service, List<BranchOrder> orders) {
        return at(service, () -> participants.get(service).finish("order", orders));
      }

      @Override
      public List<BranchAnswer> inquire(String starter, List<BranchQuestion> questions) {
        if (bug == Bug.ABORT_UNWRITTEN) {
          return at(
              starter,
              () ->
                  starter().endpoint().inquire("any", questions).stream()
                      .map(it -> it == BranchAnswer.PENDING ? BranchAnswer.ABORT : it)
                      .toList());
        }
        return at(starter, () -> starter().endpoint().inquire("any", questions));
      }
    }

    /** Another process works; it may die of it, and is built again. */
    private <T> T at(String service, Callable<T> work) {
      List<T> answer = new ArrayList<>();
      try (Scope.Entered left = Scope.leave()) {
        if (!world.attempt(service, () -> answer.add(work.call()))) {
          rebuild(service);
          throw new GlobalTransportException(service + " died", new IOException());
        }
        return answer.getFirst();
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new GlobalTransportException(service + " failed", e);
      }
    }

    private void rebuild(String service) {
      if (service.equals("order")) {
        order();
      } else {
        participant(service);
      }
    }

    /** A service's answer to a call. */
    private Answer serve(String service, BranchCall call, int number) {
      try {
        return at(service, () -> handle(service, call, number));
      } catch (GlobalTransportException e) {
        throw new LostException(String.valueOf(e.getMessage()));
      }
    }

    private Answer handle(String service, BranchCall call, int number) {
      LocalParticipant participant = requireNonNull(participants.get(service));
      try {
        Receipt receipt =
            participant.handle(
                call,
                Fingerprint.ofValue("move", number),
                unit -> {
                  if (service.equals("wallet") && number == 3) {
                    StoredReply no = StockService.reply("no money");
                    throw new RefusalException(
                        "no money", new StoredReply(409, no.headers(), no.body()));
                  }
                  move(service, unit, "try", number);
                  participant.open(type(service), number);
                  return StockService.reply("moved");
                });
        return switch (receipt) {
          case Receipt.Rejected rejected -> new Answer(true, Optional.empty());
          case Receipt.Executed executed -> answer(executed.reply());
          case Receipt.Replayed replayed -> answer(replayed.reply());
        };
      } catch (RuntimeException e) {
        return new Answer(true, participant.failedListing(e));
      }
    }

    private static Answer answer(StoredReply reply) {
      return new Answer(
          reply.status() >= 400, Optional.ofNullable(reply.headers().get(Listing.HEADER)));
    }

    /** Calls a service under the transaction; says whether it agreed. */
    private boolean call(String service, int number) {
      GlobalCall call = GlobalCall.begin(service).orElseThrow();
      Calls calls = (it, what) -> serve(service, it, what);
      Calls line = world.sends("order", Calls.class, calls, CALLS);
      for (int i = 0; i < TRIES_MAX; i++) {
        try {
          Answer answer =
              line.call(new BranchCall(call.xid(), call.step(), "order", "move"), number);
          if (answer.refused()) {
            call.refused(answer.listing().orElse(null));
          } else {
            call.answered(answer.listing().orElse(null));
          }
          return !answer.refused();
        } catch (LostException e) {
          if (bug == Bug.LOST_CALL_IGNORED) {
            call.notSent();
            return true;
          }
        }
      }
      call.unknown();
      return true;
    }

    /** A client's request; if the service dies of it, the client does not ask again. */
    void place(int number) throws Exception {
      if (!world.attempt("order", () -> placeOrFail(number))) {
        rebuild("order");
      }
    }

    private void placeOrFail(int number) throws Exception {
      try {
        starter().run(TIMEOUT, transaction -> order(number));
      } catch (IOException | GlobalTransactionException | TransactionException e) {
        failures.add(e); // the client learns that it failed
      }
    }

    private void order(int number) throws IOException {
      Transactions own = requireNonNull(transactions.get("order"));
      if (bug == Bug.DECISION_APART) {
        try (Scope.Entered left = Scope.leave()) {
          own.run(unit -> move("order", unit, "placed", number));
        }
      }
      boolean agreed = call("stock", number) && call("wallet", number);
      if (!agreed || number == 4) {
        throw new IOException("no");
      }
      if (number == 2) {
        meanwhile();
      }
      if (bug != Bug.DECISION_APART) {
        own.run(unit -> move("order", unit, "placed", number));
      }
    }

    /** Time passes, and the participants ask. */
    private void meanwhile() throws IOException {
      try (Scope.Entered left = Scope.leave()) {
        pass(Duration.ofSeconds(10));
        work("stock");
        work("wallet");
      } catch (Exception e) {
        throw new IOException(e);
      }
    }

    private boolean work(String service) throws Exception {
      boolean[] any = new boolean[1];
      boolean alive =
          world.attempt(
              service,
              () ->
                  any[0] =
                      service.equals("order")
                          ? starter().runPending()
                          : requireNonNull(participants.get(service)).runPending());
      if (!alive) {
        rebuild(service);
      }
      return any[0] || !alive;
    }

    /** Works until nothing is open. */
    void settle() throws Exception {
      int rounds = 0;
      for (int step = 0; step < STEPS_MAX; step++) {
        boolean any = true;
        while (any) {
          any = false;
          for (String service : databases.services()) {
            try {
              any |= work(service);
            } catch (RuntimeException e) {
              assertThat(++rounds).as("failures, the last %s", e).isLessThan(ROUNDS_MAX);
            }
          }
          assertThat(++rounds).as("rounds").isLessThan(ROUNDS_MAX);
        }
        if (settled()) {
          return;
        }
        pass(STEP);
      }
    }
  }

  private boolean settled() throws SQLException {
    return open("stock").isEmpty() && open("wallet").isEmpty() && unacknowledged().isEmpty();
  }

  private List<String> open(String service) throws SQLException {
    return column(
        service,
        "SELECT step || ' ' || state FROM tenon.branch"
            + " WHERE state NOT IN ('COMMITTED', 'ABORTED')");
  }

  private List<String> unacknowledged() throws SQLException {
    return column(
        "order", "SELECT outcome FROM tenon.global_decision WHERE acknowledged_at IS NULL");
  }

  @Override
  public void run(World world) throws Exception {
    Shop shop = new Shop(world);
    for (int number = 1; number <= 5; number++) {
      shop.place(number);
      if (number % 2 == 1) {
        shop.settle();
      }
    }
    shop.settle();
  }

  @Override
  public void recover(World world) throws Exception {
    new Shop(world).settle();
  }

  @Override
  public void check() throws SQLException {
    assertThat(open("stock")).as("open branches of stock").isEmpty();
    assertThat(open("wallet")).as("open branches of wallet").isEmpty();
    assertThat(unacknowledged()).as("decisions not acknowledged").isEmpty();
    List<String> placed =
        column("order", "SELECT number FROM moved WHERE what = 'placed' ORDER BY number");
    assertThat(kept("stock")).as("kept by stock").isEqualTo(placed);
    assertThat(kept("wallet")).as("kept by wallet").isEqualTo(placed);
    assertThat(column("stock", "SELECT number FROM moved WHERE what = 'confirm' ORDER BY number"))
        .as("confirmed by stock")
        .isEqualTo(placed);
    assertThat(sent("order", "placed")).as("messages of order").isEqualTo(placed.size());
    assertThat(sent("stock", "try")).as("messages of stock").isEqualTo(placed.size());
    assertThat(sent("wallet", "try")).as("messages of wallet").isEqualTo(placed.size());
  }

  /** The numbers that were tried once more than undone. */
  private List<String> kept(String service) throws SQLException {
    return column(
        service,
        "SELECT number FROM moved GROUP BY number HAVING count(*) FILTER (WHERE what = 'try')"
            + " <> count(*) FILTER (WHERE what = 'undo') ORDER BY number");
  }

  private int sent(String service, String what) throws SQLException {
    return Integer.parseInt(
        column(
                service,
                "SELECT count(*) FROM tenon.outbox"
                    + " WHERE convert_from(payload, 'UTF8') = '\""
                    + what
                    + "\"'")
            .getFirst());
  }

  @Override
  public void close() {
    databases.close();
  }

  private List<String> column(String service, String sql) throws SQLException {
    return databases.column(service, sql);
  }
}
