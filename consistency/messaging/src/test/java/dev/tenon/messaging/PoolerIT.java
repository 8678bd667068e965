package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.tenon.schema.SchemaException;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.spi.Committing;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Everything through PgBouncer; run with {@code -Ppooler}. */
@EnabledIfSystemProperty(
    named = "tenon.test.pooler",
    matches = "true",
    disabledReason = "run with -Ppooler")
class PoolerIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  @TempDir private Path directory;
  private Database shopDatabase;
  private Database stockDatabase;

  @BeforeEach
  void prepare() {
    assumeThat(PgBouncer.executable())
        .describedAs("pgbouncer (apt-get install pgbouncer)")
        .isPresent();
    shopDatabase = postgres.freshDatabase("shop");
    stockDatabase = postgres.freshDatabase("stock");
  }

  private PgBouncer bouncer(String mode) throws IOException {
    return PgBouncer.start(
        directory, mode, postgres.server().port(), List.of(shopDatabase, stockDatabase));
  }

  @Test
  void refusesPreparedStatementsThatAPoolerInTransactionModeWouldMixUp() throws IOException {
    try (PgBouncer bouncer = bouncer("transaction")) {
      assertThatThrownBy(
              () ->
                  new TestService("shop", bouncer.before(shopDatabase, ""), builder -> builder)
                      .close())
          .isInstanceOf(SchemaException.class)
          .hasMessageContaining("a pooler in transaction mode stands before PostgreSQL")
          .hasMessageContaining("Add prepareThreshold=0 to the JDBC URL");
    }
  }

  @Test
  void migratesPublishesAndDeliversThroughAPoolerInTransactionMode()
      throws IOException, InterruptedException {
    try (PgBouncer bouncer = bouncer("transaction")) {
      deliver(bouncer, "?prepareThreshold=0");
    }
  }

  @Test
  void answersEachKeyOnceThroughAPoolerInTransactionMode() throws Exception {
    int keys = 20;
    try (PgBouncer bouncer = bouncer("transaction");
        TestService shop =
            new TestService(
                "shop", bouncer.before(shopDatabase, "?prepareThreshold=0"), builder -> builder)) {
      shop.execute("CREATE TABLE placed (key text)");
      List<Callable<Boolean>> calls =
          IntStream.range(0, 6 * keys)
              .<Callable<Boolean>>mapToObj(call -> () -> executed(shop, "k-" + call % keys))
              .toList();
      try (ExecutorService threads = Executors.newFixedThreadPool(12)) {
        int executed = 0;
        for (Future<Boolean> call : threads.invokeAll(calls)) {
          executed += call.get() ? 1 : 0;
        }
        assertThat(executed).isEqualTo(keys);
      }
      assertThat(shop.column("SELECT count(*) FROM placed")).containsExactly("" + keys);
    }
  }

  @Test
  void preparesUnitsOfWorkThroughAPoolerInTransactionMode() throws Exception {
    int units = 20;
    try (PgBouncer bouncer = bouncer("transaction");
        TestService shop =
            new TestService(
                "shop", bouncer.before(shopDatabase, "?prepareThreshold=0"), builder -> builder)) {
      shop.execute("CREATE TABLE placed (key int)");
      List<Callable<Boolean>> calls =
          IntStream.range(0, units).<Callable<Boolean>>mapToObj(i -> () -> moved(shop, i)).toList();
      try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
        for (Future<Boolean> call : threads.invokeAll(calls)) {
          call.get();
        }
      }
      assertThat(shop.column("SELECT count(*) FROM placed WHERE key % 2 = 0"))
          .containsExactly("" + units / 2);
      assertThat(shop.column("SELECT count(*) FROM placed")).containsExactly("" + units / 2);
    }
  }

  /** Prepares a unit of work, and commits the even ones; on whatever connections there are. */
  private static boolean moved(TestService shop, int number) throws SQLException {
    String gid = "'pooler-it-" + number + "'";
    shop.transactions.run(
        unit -> {
          shop.execute("INSERT INTO placed VALUES (" + number + ")");
          ((Committing) unit)
              .commitBy(connection -> execute(connection, "PREPARE TRANSACTION " + gid));
        });
    try (Connection connection = shop.pool.getConnection()) {
      connection.setAutoCommit(true);
      execute(connection, (number % 2 == 0 ? "COMMIT" : "ROLLBACK") + " PREPARED " + gid);
    }
    return true;
  }

  private static void execute(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** Calls until it is answered; says whether it was by running. */
  private static boolean executed(TestService shop, String key) {
    while (true) {
      Receipt receipt =
          shop.messaging
              .receiver()
              .handle(
                  IdempotencyKey.of("test", "place", key),
                  Fingerprint.ofValue("place", key),
                  unit -> {
                    shop.execute("INSERT INTO placed VALUES ('" + key + "')");
                    return new StoredReply(200, Map.of(), new byte[0]);
                  });
      if (!(receipt instanceof Receipt.Rejected)) {
        return receipt instanceof Receipt.Executed;
      }
    }
  }

  @Test
  void worksThroughAPoolerInSessionMode() throws IOException, InterruptedException {
    try (PgBouncer bouncer = bouncer("session")) {
      deliver(bouncer, "");
    }
  }

  @Test
  void runsTheServicesOwnMigrationsThroughAPoolerInTransactionMode() throws Exception {
    try (PgBouncer bouncer = bouncer("transaction")) {
      Database through = bouncer.before(shopDatabase, "?prepareThreshold=0");
      try (TestService shop = new TestService("shop", through, builder -> builder)) {
        List<Callable<ServiceDatabase>> starts =
            Collections.nCopies(
                4,
                () ->
                    ServiceDatabase.builder("shop", shop.pool)
                        .migrations("classpath:dev/tenon/messaging/pooler")
                        .open());
        try (ExecutorService threads = Executors.newFixedThreadPool(starts.size())) {
          for (Future<ServiceDatabase> start : threads.invokeAll(starts)) {
            assertThat(start.get().service()).isEqualTo("shop");
          }
        }
        assertThat(shop.column("SELECT text FROM public.audit")).isEmpty();
        for (int i = 0; i < 20; i++) {
          assertThat(shop.column("SELECT current_schema()")).containsExactly("public");
        }
      }
    }
  }

  private void deliver(PgBouncer bouncer, String parameters) throws InterruptedException {
    InProcessTransport transport = new InProcessTransport();
    SaleLedger ledger = new SaleLedger("only", postgres.server().superuserDataSource("postgres"));
    try (Shop shop = new Shop(bouncer.before(shopDatabase, parameters), transport, 4);
        TestService stock =
            new TestService(
                "stock",
                bouncer.before(stockDatabase, parameters),
                config -> config.setMaximumPoolSize(4),
                builder -> builder.transport(transport).subscribe(ledger.subscription()))) {
      SaleLedger.create(stock);
      shop.service.messaging.start();
      stock.messaging.start();
      Thread[] sellers = {shop.sellOn("a", 5), shop.sellOn("b", 5)};
      Awaitility.await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> SaleLedger.booked(stock) > 1_000);
      shop.shut(sellers);

      Awaitility.await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> SaleLedger.booked(stock) >= shop.sold());
      assertThat(SaleLedger.booked(stock)).isEqualTo(shop.sold());
      assertThat(SaleLedger.mistakes(stock)).isEmpty();
      assertThat(stock.messaging.failedMessages().list(FailedMessages.Filter.ALL, 10)).isEmpty();
      for (int i = 0; i < 20; i++) {
        assertThat(stock.column("SHOW search_path")).containsExactly("\"$user\", public");
      }
    }
  }
}
