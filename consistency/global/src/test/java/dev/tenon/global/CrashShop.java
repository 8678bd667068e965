package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.global.spi.BranchAnswer;
import dev.tenon.testing.crash.Scenario;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.Transactions;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Orders that reserve stock (TCC) and take money (saga), each service over its own database: some
 * are placed, one is refused, one fails after its calls, one is so slow that it is asked about
 * meanwhile. All databases and processes share a clock that the scenario moves.
 */
public final class CrashShop implements Scenario, AutoCloseable {
  private final CrashDatabases databases;
  private final Bug bug;
  private final BranchKind stock;

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

  CrashShop(PostgresExtension postgres, Bug bug) throws SQLException {
    this(postgres, bug, BranchKind.TCC);
  }

  /** Stock's branches are of a kind. */
  CrashShop(PostgresExtension postgres, Bug bug, BranchKind stock) throws SQLException {
    this.bug = bug;
    this.stock = stock;
    databases = new CrashDatabases(postgres, List.of("order", "stock", "wallet"));
  }

  @Override
  public void reset() throws SQLException {
    databases.reset();
  }

  private CrashServices services(World world) {
    return new CrashServices(
        world,
        databases,
        List.of("order"),
        new CrashServices.Plan() {
          @Override
          public BranchAnswer answer(BranchAnswer right) {
            return bug == Bug.ABORT_UNWRITTEN && right == BranchAnswer.PENDING
                ? BranchAnswer.ABORT
                : right;
          }

          @Override
          public Map<String, BranchKind> participants() {
            return Map.of("stock", stock, "wallet", BranchKind.SAGA);
          }

          @Override
          public boolean ignoresLostCalls() {
            return bug == Bug.LOST_CALL_IGNORED;
          }
        });
  }

  /** The clients of one world. */
  private final class Shop {
    private final CrashServices services;
    private final List<Exception> failures = new ArrayList<>();

    Shop(World world) {
      services = services(world);
    }

    /** A client's request; if the service dies of it, the client does not ask again. */
    void place(int number) throws Exception {
      boolean unused = services.attempt("order", () -> placeOrFail(number));
    }

    private void placeOrFail(int number) throws Exception {
      try {
        services.starter("order").run(CrashServices.TIMEOUT, transaction -> order(number));
      } catch (IOException | GlobalTransactionException | TransactionException e) {
        failures.add(e); // the client learns that it failed
      }
    }

    private void order(int number) throws IOException {
      Transactions own = services.own("order");
      if (bug == Bug.DECISION_APART) {
        try (Scope.Entered left = Scope.leave()) {
          own.run(unit -> services.move("order", unit, "placed", number));
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
        own.run(unit -> services.move("order", unit, "placed", number));
      }
    }

    private boolean call(String service, int number) {
      return services.call("order", service, number);
    }

    /** Time passes, and the participants ask. */
    private void meanwhile() throws IOException {
      try (Scope.Entered left = Scope.leave()) {
        databases.pass(Duration.ofSeconds(10));
        services.work("stock");
        services.work("wallet");
      } catch (Exception e) {
        throw new IOException(e);
      }
    }
  }

  @Override
  public void run(World world) throws Exception {
    Shop shop = new Shop(world);
    for (int number = 1; number <= 5; number++) {
      shop.place(number);
      if (number % 2 == 1) {
        shop.services.settle();
      }
    }
    shop.services.settle();
  }

  @Override
  public void recover(World world) throws Exception {
    services(world).settle();
  }

  @Override
  public void check() throws SQLException {
    assertThat(databases.open("stock")).as("open branches of stock").isEmpty();
    assertThat(databases.open("wallet")).as("open branches of wallet").isEmpty();
    assertThat(databases.unacknowledged()).as("decisions not acknowledged").isEmpty();
    List<String> placed =
        column("order", "SELECT number FROM moved WHERE what = 'placed' ORDER BY number");
    assertThat(databases.kept("stock")).as("kept by stock").isEqualTo(placed);
    assertThat(databases.kept("wallet")).as("kept by wallet").isEqualTo(placed);
    assertThat(column("stock", "SELECT number FROM moved WHERE what = 'confirm' ORDER BY number"))
        .as("confirmed by stock")
        .isEqualTo(stock == BranchKind.XA ? List.of() : placed);
    assertThat(databases.sent("order", "placed")).as("messages of order").isEqualTo(placed.size());
    assertThat(databases.sent("stock", "try")).as("messages of stock").isEqualTo(placed.size());
    assertThat(databases.sent("wallet", "try")).as("messages of wallet").isEqualTo(placed.size());
  }

  @Override
  public void close() {
    databases.close();
  }

  private List<String> column(String service, String sql) throws SQLException {
    return databases.column(service, sql);
  }
}
