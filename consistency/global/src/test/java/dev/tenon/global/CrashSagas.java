package dev.tenon.global;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.crash.Scenario;
import dev.tenon.testing.crash.SendRules;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.TransactionException;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Orders as sagas, run by two instances of order: one is placed; one waits for a payment that does
 * not come; one is refused by the wallet; one is taken over while its first run is paused. Two more
 * have a bank as their pivot, which gives no answer until their deadline has long passed: it does
 * one, and refuses the other.
 */
public final class CrashSagas implements Scenario, AutoCloseable {
  private static final Duration DAY = Duration.ofDays(1);
  private static final int UNSIGNALLED = 2;
  private static final int PAUSED = 4;
  private static final int CHARGED = 5;
  private static final int UNCHARGED = 6;
  private static final int PAUSE_STEPS = 12;
  private static final String ENDED =
      "SELECT state || ' ' || ended_at FROM tenon.saga WHERE ended_at IS NOT NULL AND id = '"
          + PAUSED
          + "'";
  private static final Instant BANK_OPENS = Instant.parse("2026-01-01T00:00:50Z");
  private static final SendRules BANK =
      SendRules.defaults().failingWith(CrashServices.LostException::new);
  private static final List<String> INSTANCES = List.of("order", "order2");

  private final CrashDatabases databases;
  private final Bug bug;
  private List<String> ended = List.of(); // of the one that was taken over, as it was seen to end

  /** What is planted. */
  enum Bug {
    NONE,
    /** The caller's rows are committed before the saga's. */
    START_APART,
    /** The result of a step is stored where nobody finds it. */
    RESULT_LOST,
    /** A run that has lost its saga goes on to write. */
    FENCE_DROPPED,
    /** An inquiry past the deadline decides although a pivot was sent. */
    PIVOT_OVERRULED,
    /** A saga does not know that its pivot was sent. */
    PIVOT_FORGOTTEN
  }

  /** What knows nothing of sagas. */
  public interface Bank {
    /** Takes the money, once for each key. */
    String charge(String key, int number);
  }

  CrashSagas(PostgresExtension postgres, Bug bug) throws SQLException {
    this.bug = bug;
    databases = new CrashDatabases(postgres, List.of("order", "stock", "wallet"));
  }

  @Override
  public void reset() throws SQLException {
    databases.reset();
    ended = List.of();
  }

  /** The clients of one world, and the code of the sagas. */
  private final class Shop implements CrashServices.Plan {
    private final Map<String, SagaType<Integer, String>> types = new HashMap<>();
    private final Map<String, SagaType<Integer, String>> charging = new HashMap<>();
    private final World world;
    private final CrashServices services;
    private final List<Exception> failures = new ArrayList<>();
    private boolean paused;

    Shop(World world) {
      this.world = world;
      for (String process : INSTANCES) {
        types.put(
            process,
            new SagaType<>(
                "place",
                Integer.class,
                String.class,
                DAY,
                (scope, number) -> place(process, scope, number)));
        charging.put(
            process,
            new SagaType<>(
                "charge",
                Integer.class,
                String.class,
                CrashServices.TIMEOUT,
                (scope, number) -> charge(process, scope, number)));
      }
      services = new CrashServices(world, databases, INSTANCES, this);
    }

    @Override
    public List<SagaType<?, ?>> sagas(String process) {
      return List.of(requireNonNull(types.get(process)), requireNonNull(charging.get(process)));
    }

    private SagaType<Integer, String> sagaOf(int number) {
      return requireNonNull((number < CHARGED ? types : charging).get("order"));
    }

    @Override
    public String sql(String right) {
      return switch (bug) {
        case NONE, START_APART -> right;
        case RESULT_LOST ->
            right.contains("INTO tenon.reply")
                ? right.replace("?::text, ?::text, ?::text,", "?::text, ?::text, ?::text || now(),")
                : right;
        case FENCE_DROPPED ->
            right.replace(
                "AND fence = ? AND owner IS NOT NULL AND state IN ('RUNNING', 'FORWARD')",
                "AND ? > 0");
        case PIVOT_OVERRULED ->
            right
                .replace(
                    "LEFT JOIN tenon.global_decision d ON",
                    "LEFT JOIN tenon.global_decision d ON d.outcome <> 'PIVOT_SENT' AND")
                .replace(
                    "AS t ON CONFLICT DO NOTHING",
                    "AS t ON CONFLICT (xid) DO UPDATE SET outcome = excluded.outcome"
                        + " WHERE global_decision.outcome = 'PIVOT_SENT'");
        case PIVOT_FORGOTTEN -> right.replace("SET pivot = ?", "SET error = ?");
      };
    }

    private String place(String process, SagaScope scope, int number) throws Exception {
      call(process, scope, "stock", number);
      int noted =
          scope.local(
              "note",
              Integer.class,
              unit -> {
                services.move(process, unit, "note", number);
                services.starter(process).participant().open(services.note(process), number);
                return number;
              });
      int mail = scope.external("mail", Integer.class, () -> mail(process, number));
      scope.sleep("nap", Duration.ofSeconds(40));
      call(process, scope, "wallet", noted);
      String paid = scope.await("paid", String.class, Duration.ofSeconds(60)).orElse("no");
      if (!paid.equals("yes")) {
        throw new IOException("not paid");
      }
      boolean placed =
          scope.commit(
              "placed",
              Boolean.class,
              unit -> {
                services.move(process, unit, "placed", number);
                services.move(process, unit, "mail " + mail, number);
                return true;
              });
      scope.sleep("rest", Duration.ofSeconds(10));
      int last = scope.external("invoice", Integer.class, () -> mail(process, number));
      return scope.local(
          "after",
          String.class,
          unit -> {
            services.move(process, unit, "after", number);
            services.move(process, unit, "invoice " + last, number);
            return "placed " + placed;
          });
    }

    private String charge(String process, SagaScope scope, int number) throws Exception {
      call(process, scope, "stock", number);
      scope.local(
          "note",
          Integer.class,
          unit -> {
            services.move(process, unit, "note", number);
            services.starter(process).participant().open(services.note(process), number);
            return number;
          });
      call(process, scope, "wallet", number);
      int mail = scope.external("mail", Integer.class, () -> mail(process, number));
      Bank bank = world.sends(process, Bank.class, this::atBank, BANK);
      String answer = scope.pivot("charge", String.class, key -> bank.charge(key, number));
      return scope.local(
          "after",
          String.class,
          unit -> {
            services.move(process, unit, "placed", number);
            services.move(process, unit, "after", number);
            services.move(process, unit, "mail " + mail, number);
            return answer;
          });
    }

    /** The bank remembers what it has answered under a key. */
    private String atBank(String key, int number) {
      try {
        if (databases.now().isBefore(BANK_OPENS)) {
          throw new CrashServices.LostException("the bank is closed");
        }
        if (number == UNCHARGED) {
          throw new PivotRefusedException("no money");
        }
        String charged = "charged " + key;
        String known = "SELECT what FROM moved WHERE what = '" + charged + "'";
        if (databases.column("wallet", known).isEmpty()) {
          databases.elsewhere(
              "wallet", "INSERT INTO moved VALUES ('" + charged + "', " + number + ")");
        }
        return charged;
      } catch (SQLException e) {
        throw new IllegalStateException(e);
      }
    }

    private void call(String process, SagaScope scope, String service, int number)
        throws Exception {
      if (!scope.call(service, () -> services.call(process, service, number))) {
        throw new IOException("no");
      }
    }

    /** Happens outside of all transactions, and is another one each time. */
    private int mail(String process, int number) throws Exception {
      databases.elsewhere("order", "INSERT INTO moved VALUES ('mailed', " + number + ")");
      if (number == PAUSED && process.equals("order") && !paused) {
        paused = true;
        pause();
      }
      return Integer.parseInt(
          databases.column("order", "SELECT count(*) FROM moved WHERE what = 'mailed'").getFirst());
    }

    /** This run is paused so long that the other instance does all of it. */
    private void pause() throws Exception {
      for (int i = 0; i < PAUSE_STEPS; i++) {
        databases.pass(Duration.ofSeconds(10));
        services.work("order2");
        services.work("stock");
        services.work("wallet");
      }
      ended = databases.column("order", ENDED);
    }

    /** A client's request; if the service dies of it, the client does not ask again. */
    void start(int number) throws Exception {
      boolean unused = services.attempt("order", () -> startOrFail(number));
    }

    private void startOrFail(int number) {
      Sagas sagas = services.starter("order").sagas();
      try {
        services
            .own("order")
            .run(
                unit -> {
                  services.move("order", unit, "ordered", number);
                  if (bug != Bug.START_APART) {
                    sagas.start(sagaOf(number), "" + number, number);
                  }
                });
        if (bug == Bug.START_APART) {
          sagas.start(sagaOf(number), "" + number, number);
        }
        if (number < CHARGED && number != UNSIGNALLED) {
          sagas.signal(sagaOf(number), "" + number, "paid", "yes");
        }
      } catch (GlobalTransactionException | TransactionException e) {
        failures.add(e); // the client learns that it failed
      }
    }
  }

  @Override
  public void run(World world) throws Exception {
    Shop opened = new Shop(world);
    int last = bug == Bug.START_APART ? 1 : UNCHARGED;
    for (int number = 1; number <= last; number++) {
      opened.start(number);
    }
    opened.services.settle();
  }

  @Override
  public void recover(World world) throws Exception {
    new Shop(world).services.settle();
  }

  @Override
  public void check() throws SQLException {
    for (String service : List.of("order", "stock", "wallet")) {
      assertThat(databases.open(service)).as("open branches of " + service).isEmpty();
      assertThat(databases.column(service, "SELECT id FROM tenon.branch_message"))
          .as("messages held by " + service)
          .isEmpty();
    }
    assertThat(databases.unacknowledged()).as("decisions not acknowledged").isEmpty();
    assertThat(databases.openSagas()).as("open sagas").isEmpty();
    if (!ended.isEmpty()) {
      assertThat(databases.column("order", ENDED)).as("how one ended").isEqualTo(ended);
    }
    assertThat(numbers("SELECT id FROM tenon.saga"))
        .as("sagas of what was ordered")
        .isEqualTo(moved("ordered"));
    Set<String> placed = numbers("SELECT id FROM tenon.saga WHERE state = 'DONE'");
    assertThat(moved("placed")).as("placed").isEqualTo(placed).isSubsetOf("1", "4", "5");
    assertThat(databases.column("wallet", "SELECT number FROM moved WHERE what LIKE 'charged %'"))
        .as("charged")
        .isEqualTo(placed.contains("5") ? List.of("5") : List.of());
    assertThat(moved("after")).as("what comes after").isEqualTo(placed);
    assertThat(databases.kept("stock")).as("kept by stock").containsExactlyElementsOf(placed);
    assertThat(databases.kept("wallet")).as("kept by wallet").containsExactlyElementsOf(placed);
    assertThat(
            numbers(
                "SELECT number FROM moved WHERE what = 'note' AND number NOT IN"
                    + " (SELECT number FROM moved WHERE what = 'undo note')"))
        .as("notes")
        .isEqualTo(placed);
    assertThat(moved("mailed")).as("mailed").containsAll(placed);
    for (String service : List.of("order", "stock", "wallet")) {
      assertThat(
              databases.column(
                  service,
                  "SELECT what || ' ' || number FROM moved WHERE what <> 'mailed'"
                      + " GROUP BY what, number HAVING count(*) > 1"))
          .as("done twice by " + service)
          .isEmpty();
    }
    for (String message : List.of("placed", "after", "note")) {
      assertThat(databases.sent("order", message)).as(message).isEqualTo(placed.size());
    }
    for (String service : List.of("stock", "wallet")) {
      assertThat(databases.sent(service, "try")).as("sent by " + service).isEqualTo(placed.size());
    }
  }

  private Set<String> moved(String what) throws SQLException {
    return numbers("SELECT number FROM moved WHERE what = '" + what + "'");
  }

  private Set<String> numbers(String sql) throws SQLException {
    return new TreeSet<>(databases.column("order", sql));
  }

  @Override
  public void close() {
    databases.close();
  }
}
