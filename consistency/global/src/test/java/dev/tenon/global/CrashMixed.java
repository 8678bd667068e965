package dev.tenon.global;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.testing.crash.Scenario;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.TransactionException;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Orders with branches of all kinds in one transaction, each service over its own database: order
 * calls stock (TCC), which calls bank (XA) in turn; and depot (AT), which calls wallet (saga).
 * Every branch has a message. One order is a transaction that is asked about before it is placed;
 * one is refused by the last callee; one is a saga with a branch of order itself, which another
 * instance of order takes over while its first run is paused.
 */
public final class CrashMixed implements Scenario, AutoCloseable {
  private static final int SLOW = 2;
  private static final int PAUSED = 4;
  private static final int PAUSE_STEPS = 2;

  /** Ends within what is waited for: a saga that lost an answer of XA gets no other before it. */
  private static final Duration SAGA_TIMEOUT = Duration.ofMinutes(2);

  private static final List<String> INSTANCES = List.of("order", "order2");
  private static final Map<String, BranchKind> PARTICIPANTS =
      Map.of(
          "stock",
          BranchKind.TCC,
          "bank",
          BranchKind.XA,
          "depot",
          BranchKind.AT,
          "wallet",
          BranchKind.SAGA);

  private final CrashDatabases databases;
  private final Bug bug;

  /** What is planted. */
  enum Bug {
    NONE,
    /** An inquiry before the decision is answered by ABORT, and nothing is written. */
    ABORT_UNWRITTEN,
    /** An inquiry before the decision is answered by COMMIT. */
    COMMIT_PRESUMED
  }

  CrashMixed(PostgresExtension postgres, Bug bug) throws SQLException {
    this.bug = bug;
    databases = new CrashDatabases(postgres, List.of("order", "stock", "bank", "depot", "wallet"));
    databases.automatic("depot");
  }

  @Override
  public void reset() throws SQLException {
    databases.reset();
  }

  /** The clients of one world, and the code of the sagas. */
  private final class Shop implements CrashServices.Plan {
    private final Map<String, SagaType<Integer, String>> types = new HashMap<>();
    private final CrashServices services;
    private final List<Exception> failures = new ArrayList<>();
    private boolean paused;

    Shop(World world) {
      for (String process : INSTANCES) {
        Saga<Integer, String> code = (scope, number) -> place(process, scope, number);
        types.put(
            process, new SagaType<>("place", Integer.class, String.class, SAGA_TIMEOUT, code));
      }
      services = new CrashServices(world, databases, INSTANCES, this);
    }

    @Override
    public Map<String, BranchKind> participants() {
      return PARTICIPANTS;
    }

    @Override
    public Optional<String> next(String service) {
      return switch (service) {
        case "stock" -> Optional.of("bank");
        case "depot" -> Optional.of("wallet");
        default -> Optional.empty();
      };
    }

    @Override
    public List<SagaType<?, ?>> sagas(String process) {
      return List.of(requireNonNull(types.get(process)));
    }

    @Override
    public BranchAnswer answer(BranchAnswer right) {
      if (right != BranchAnswer.PENDING) {
        return right;
      }
      return switch (bug) {
        case ABORT_UNWRITTEN -> BranchAnswer.ABORT;
        case COMMIT_PRESUMED -> BranchAnswer.COMMIT;
        case NONE -> right;
      };
    }

    /** A client's request; if the service dies of it, the client does not ask again. */
    void place(int number) throws Exception {
      boolean unused = services.attempt("order", () -> placeOrFail(number));
    }

    private void placeOrFail(int number) throws Exception {
      try {
        if (number < PAUSED) {
          services.starter("order").run(CrashServices.TIMEOUT, transaction -> order(number));
        } else {
          var type = requireNonNull(types.get("order"));
          services.starter("order").sagas().start(type, "" + number, number);
        }
      } catch (IOException | GlobalTransactionException | TransactionException e) {
        failures.add(e); // the client learns that it failed
      }
    }

    private void order(int number) throws Exception {
      boolean agreed =
          services.call("order", "stock", number) && services.call("order", "depot", number);
      if (!agreed) {
        throw new IOException("no");
      }
      if (number == SLOW) {
        try (Scope.Entered left = Scope.leave()) {
          meanwhile(1);
        }
      }
      services.own("order").run(unit -> services.move("order", unit, "placed", number));
    }

    private String place(String process, SagaScope scope, int number) throws Exception {
      call(process, scope, "stock", number);
      scope.local(
          "note",
          Integer.class,
          unit -> {
            services.move(process, unit, "note", number);
            services.starter(process).participant().open(services.note(process), number);
            return number;
          });
      if (number == PAUSED && process.equals("order") && !paused) {
        paused = true;
        meanwhile(PAUSE_STEPS);
      }
      call(process, scope, "depot", number);
      return scope.commit(
          "placed",
          String.class,
          unit -> {
            services.move(process, unit, "placed", number);
            return "placed";
          });
    }

    private void call(String process, SagaScope scope, String service, int number)
        throws Exception {
      if (!scope.call(service, () -> services.call(process, service, number))) {
        throw new IOException("no");
      }
    }

    /** Time passes; the participants ask, and another instance does what is left. */
    private void meanwhile(int steps) throws Exception {
      for (int i = 0; i < steps; i++) {
        databases.pass(Duration.ofSeconds(10));
        services.work("order2");
        for (String service : PARTICIPANTS.keySet().stream().sorted().toList()) {
          services.work(service);
        }
      }
    }
  }

  @Override
  public void run(World world) throws Exception {
    Shop shop = new Shop(world);
    shop.place(SLOW);
    if (bug == Bug.NONE) {
      shop.place(CrashServices.UNPAID);
      shop.services.settle();
      shop.place(PAUSED);
    }
    shop.services.settle();
  }

  @Override
  public void recover(World world) throws Exception {
    new Shop(world).services.settle();
  }

  @Override
  public void check() throws SQLException {
    for (String service : databases.services()) {
      assertThat(databases.open(service)).as("open branches of " + service).isEmpty();
      assertThat(left(service)).as("left by " + service).isEmpty();
    }
    assertThat(databases.unacknowledged()).as("decisions not acknowledged").isEmpty();
    assertThat(databases.openSagas()).as("open sagas").isEmpty();
    List<String> placed =
        databases.column("order", "SELECT number FROM moved WHERE what = 'placed' ORDER BY number");
    for (String service : PARTICIPANTS.keySet()) {
      assertThat(kept(service)).as("kept by " + service).isEqualTo(placed);
      assertThat(databases.sent(service, "try")).as("sent by " + service).isEqualTo(placed.size());
    }
    assertThat(databases.column("depot", "SELECT units FROM total"))
        .as("left in the depot")
        .containsExactly("" + (CrashDatabases.UNITS - placed.size()));
    assertThat(databases.sent("order", "placed")).as("sent by order").isEqualTo(placed.size());
  }

  private List<String> kept(String service) throws SQLException {
    return PARTICIPANTS.get(service) == BranchKind.AT
        ? databases.column(service, "SELECT number FROM kept ORDER BY number")
        : databases.kept(service);
  }

  /** Messages that are held, images, and locks. */
  private List<String> left(String service) throws SQLException {
    return databases.column(
        service,
        "SELECT id::text FROM tenon.branch_message UNION ALL SELECT rel::text FROM tenon.row_image"
            + " UNION ALL SELECT place::text FROM tenon.row_lock");
  }

  @Override
  public void close() {
    databases.close();
  }
}
