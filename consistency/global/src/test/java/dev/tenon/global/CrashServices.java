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
import dev.tenon.testing.crash.SendRules;
import dev.tenon.testing.crash.World;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;

/**
 * The processes of one world of a crash scenario: instances of order, which start transactions and
 * sagas; and participants, as a plan says: stock, which reserves (TCC), and wallet, which takes
 * money (saga), if it does not. Wallet refuses order {@value #UNPAID}.
 */
final class CrashServices {
  static final int UNPAID = 3;
  static final Duration TIMEOUT = Duration.ofSeconds(30);

  private static final Duration STEP = Duration.ofSeconds(20);
  private static final int STEPS_MAX = 20;
  private static final int ROUNDS_MAX = 300;
  private static final int TRIES_MAX = 2;
  private static final GlobalConfig CONFIG =
      new GlobalConfig(
          TIMEOUT,
          Duration.ofSeconds(3),
          Duration.ofDays(7),
          Duration.ofSeconds(5),
          new Backoff(Duration.ofMillis(1), Duration.ofMillis(2)),
          10,
          100);
  private static final SendRules CALLS = SendRules.defaults().failingWith(LostException::new);
  private static final SendRules ORDERS =
      SendRules.defaults()
          .polls("inquire")
          .failingWith(message -> new GlobalTransportException(message, new IOException(message)));

  private final World world;
  private final CrashDatabases databases;
  private final Plan plan;
  private final Map<String, LocalParticipant> participants = new HashMap<>();
  private final Map<String, BranchType<Integer>> types = new HashMap<>();
  private final Map<String, Messaging> messagings = new HashMap<>();
  private final Map<String, Transactions> transactions = new HashMap<>();
  private final Map<String, GlobalTransactions> orders = new LinkedHashMap<>();

  /** What differs between scenarios, and what is planted. */
  interface Plan {
    /** The kind of each participant's branches. */
    default Map<String, BranchKind> participants() {
      return Map.of("stock", BranchKind.TCC, "wallet", BranchKind.SAGA);
    }

    /** Whom a participant calls in turn. */
    default Optional<String> next(String service) {
      return Optional.empty();
    }

    /** The sagas that an instance of order runs. */
    default List<SagaType<?, ?>> sagas(String process) {
      return List.of();
    }

    /** What an inquiry is answered. */
    default BranchAnswer answer(BranchAnswer right) {
      return right;
    }

    /** Whether a call without an answer is taken for one that did nothing. */
    default boolean ignoresLostCalls() {
      return false;
    }

    /** What order's databases are told instead of a statement. */
    default String sql(String right) {
      return right;
    }
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

  CrashServices(World world, CrashDatabases databases, List<String> orders, Plan plan) {
    this.world = world;
    this.databases = databases;
    this.plan = plan;
    plan.participants().keySet().stream().sorted().forEach(this::participant);
    orders.forEach(this::order);
  }

  private Transactions opened(String process) {
    String service = process.startsWith("order") ? "order" : process;
    Transactions opened =
        Transactions.of(
            databases.opened(
                service,
                real ->
                    service.equals("order")
                        ? OtherSql.over(world.dataSource(process, real), plan::sql)
                        : world.dataSource(process, real)));
    transactions.put(process, opened);
    return opened;
  }

  /** No life of a process makes the ids of another. */
  private TenonRuntime runtime() {
    Random random = new Random(databases.nextLife());
    return new TenonRuntime(
        databases::now,
        IdGenerator.timeOrdered(databases::now, random),
        random,
        Thread.ofVirtual().factory());
  }

  private Messaging messaging(String process, TenonRuntime runtime) {
    Messaging messaging =
        Messaging.builder(opened(process))
            .runtime(runtime)
            .topic(Topic.of("moved", Topic.ANYONE))
            .build();
    messagings.put(process, messaging);
    return messaging;
  }

  private GlobalTransport transport(String process) {
    return world.sends(process, GlobalTransport.class, new Network(), ORDERS);
  }

  private void participant(String service) {
    TenonRuntime runtime = runtime();
    Messaging messaging = messaging(service, runtime);
    participants.put(
        service,
        new LocalParticipant(
            new ParticipantParts(
                own(service),
                messaging,
                CONFIG,
                runtime,
                new SimpleMeterRegistry(),
                TestSigner.INSTANCE,
                Optional.of(transport(service)),
                kind(service) == BranchKind.AT ? List.of() : List.of(type(service)),
                List.of(),
                runtime.ids().next())));
  }

  private BranchKind kind(String service) {
    return requireNonNull(plan.participants().get(service));
  }

  private BranchType<Integer> type(String service) {
    return types.computeIfAbsent(service, this::declared);
  }

  /** Undoes what an instance of order has noted. */
  BranchType<Integer> note(String process) {
    return types.computeIfAbsent(
        process,
        name ->
            BranchType.saga(
                "note", Integer.class, (number, unit) -> move(name, unit, "undo note", number)));
  }

  private BranchType<Integer> declared(String service) {
    BranchType.End<Integer> undo = (number, unit) -> move(service, unit, "undo", number);
    return switch (kind(service)) {
      case TCC ->
          BranchType.tcc(
              "move",
              Integer.class,
              (number, unit) -> move(service, unit, "confirm", number),
              undo);
      case SAGA -> BranchType.saga("move", Integer.class, undo);
      case XA -> BranchType.xa("move", Integer.class);
      case AT -> throw new IllegalStateException("an AT branch has no type");
    };
  }

  /** An effect of a process, with a message. */
  void move(String process, UnitOfWork unit, String what, int number) {
    StartingService.write(unit, "INSERT INTO moved VALUES ('" + what + "', " + number + ")");
    requireNonNull(messagings.get(process)).outbox().publish("moved", what);
  }

  private void order(String process) {
    TenonRuntime runtime = runtime();
    Messaging messaging = messaging(process, runtime);
    GlobalTransactions.Builder builder =
        GlobalTransactions.builder(own(process), messaging)
            .config(CONFIG)
            .runtime(runtime)
            .signer(TestSigner.INSTANCE)
            .branch(note(process))
            .transport(transport(process));
    plan.sagas(process).forEach(builder::saga);
    orders.put(
        process, ((GlobalTransactionsBuilder) builder).databaseClock(CrashDatabases.CLOCK).build());
  }

  /** The transactions of a process. */
  Transactions own(String process) {
    return requireNonNull(transactions.get(process));
  }

  GlobalTransactions starter(String process) {
    return requireNonNull(orders.get(process));
  }

  /** Delivers to whatever process of the service lives now. */
  private final class Network implements GlobalTransport {
    @Override
    public List<OrderResult> finish(String service, List<BranchOrder> told) {
      return service.equals("order")
          ? at("order", () -> starter("order").endpoint().finish("order", told))
          : at(service, () -> participants.get(service).finish("order", told));
    }

    @Override
    public List<BranchAnswer> inquire(String starter, List<BranchQuestion> questions) {
      return at(
          starter,
          () ->
              starter(starter).endpoint().inquire("any", questions).stream()
                  .map(plan::answer)
                  .toList());
    }
  }

  /** Another process works; it may die of it, and is built again. */
  private <T> T at(String process, Callable<T> work) {
    List<T> answer = new ArrayList<>();
    try (Scope.Entered left = Scope.leave()) {
      if (!world.attempt(process, () -> answer.add(work.call()))) {
        rebuild(process);
        throw new GlobalTransportException(process + " died", new IOException());
      }
      return answer.getFirst();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new GlobalTransportException(process + " failed", e);
    }
  }

  /** Does work of a process, which is built again if it dies of it; says whether it lived. */
  boolean attempt(String process, World.Work work) throws Exception {
    boolean lived = world.attempt(process, work);
    if (!lived) {
      rebuild(process);
    }
    return lived;
  }

  private void rebuild(String process) {
    if (process.startsWith("order")) {
      order(process);
    } else {
      participant(process);
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
                Optional<String> next = plan.next(service);
                boolean agreed = next.isEmpty() || call(service, next.get(), number);
                if (!agreed || (service.equals("wallet") && number == UNPAID)) {
                  StoredReply no = StockService.reply("no money");
                  throw new RefusalException(
                      "no money", new StoredReply(409, no.headers(), no.body()));
                }
                open(service, unit, number);
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

  /** What a call does, as a branch of the service's kind. */
  private void open(String service, UnitOfWork unit, int number) {
    if (kind(service) == BranchKind.AT) {
      StartingService.write(unit, "UPDATE total SET units = units - 1");
      StartingService.write(unit, "INSERT INTO kept VALUES (" + number + ")");
      requireNonNull(messagings.get(service)).outbox().publish("moved", "try");
    } else {
      move(service, unit, "try", number);
      requireNonNull(participants.get(service)).open(type(service), number);
    }
  }

  private static Answer answer(StoredReply reply) {
    return new Answer(
        reply.status() >= 400, Optional.ofNullable(reply.headers().get(Listing.HEADER)));
  }

  /** Calls a service under the transaction; says whether it agreed, or did not answer. */
  boolean call(String process, String service, int number) {
    GlobalCall call = GlobalCall.begin(service).orElseThrow();
    Calls calls = (it, what) -> serve(service, it, what);
    Calls line = world.sends(process, Calls.class, calls, CALLS);
    for (int i = 0; i < TRIES_MAX; i++) {
      try {
        Answer answer = line.call(new BranchCall(call.xid(), call.step(), "order", "move"), number);
        if (answer.refused()) {
          call.refused(answer.listing().orElse(null));
        } else {
          call.answered(answer.listing().orElse(null));
        }
        return !answer.refused();
      } catch (LostException e) {
        if (plan.ignoresLostCalls()) {
          call.notSent();
          return true;
        }
      }
    }
    call.unknown();
    return true;
  }

  /** A process does what is due; says whether there was anything. */
  boolean work(String process) throws Exception {
    boolean[] any = new boolean[1];
    boolean lived =
        attempt(
            process,
            () ->
                any[0] =
                    orders.containsKey(process)
                        ? starter(process).runPending()
                        : requireNonNull(participants.get(process)).runPending());
    return any[0] || !lived;
  }

  /** Works until nothing is open. */
  void settle() throws Exception {
    int rounds = 0;
    Set<String> processes = Set.copyOf(transactions.keySet());
    for (int step = 0; step < STEPS_MAX; step++) {
      boolean any = true;
      while (any) {
        any = false;
        for (String process : processes.stream().sorted().toList()) {
          try {
            any |= work(process);
          } catch (RuntimeException e) {
            assertThat(++rounds).as("failures, the last %s", e).isLessThan(ROUNDS_MAX);
          }
        }
        assertThat(++rounds).as("rounds").isLessThan(ROUNDS_MAX);
      }
      if (settled()) {
        return;
      }
      databases.pass(STEP);
    }
  }

  private boolean settled() throws SQLException {
    for (String service : databases.services()) {
      if (!databases.open(service).isEmpty()) {
        return false;
      }
    }
    return databases.unacknowledged().isEmpty() && databases.openSagas().isEmpty();
  }
}
