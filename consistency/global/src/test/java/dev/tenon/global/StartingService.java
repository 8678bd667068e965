package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.messaging.Messaging;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** A service of a test that starts distributed transactions; its participants are fakes. */
final class StartingService implements AutoCloseable {
  static final String NAME = "order";
  static final Duration TIMEOUT = Duration.ofMinutes(5);

  final HikariDataSource pool;
  final CutLine line = new CutLine();
  final Transactions transactions;
  final Messaging messaging;
  final FakeParticipants participants;
  final GlobalTransactions global;

  StartingService(Database database, FakeParticipants participants) {
    this(database, participants, pooling -> {}, builder -> builder);
  }

  StartingService(
      Database database,
      FakeParticipants participants,
      Consumer<HikariConfig> pooling,
      UnaryOperator<GlobalTransactions.Builder> configuration) {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.jdbcUrl());
    config.setUsername(database.user());
    config.setPassword(database.password());
    config.setMaximumPoolSize(8);
    config.setConnectionTimeout(3_000);
    pooling.accept(config);
    pool = new HikariDataSource(config);
    transactions = Transactions.of(ServiceDatabase.builder(NAME, line.over(pool)).open());
    messaging = Messaging.builder(transactions).build();
    this.participants = participants;
    global =
        configuration
            .apply(
                GlobalTransactions.builder(transactions, messaging)
                    .signer(TestSigner.INSTANCE)
                    .transport(participants))
            .build();
  }

  /** A call that opens a branch. */
  static Branch branch(String service) {
    GlobalCall call = GlobalCall.begin(service).orElseThrow();
    Branch branch = new Branch(service, UUID.randomUUID(), BranchKind.TCC, call.step());
    call.answered(new Listing(true, List.of(branch), List.of()).text());
    return branch;
  }

  static void write(UnitOfWork unit, String sql) {
    try (Statement statement = unit.connection().createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  SignedXid signed(GlobalTransaction transaction) {
    return SignedXid.sign(transaction.xid(), TestSigner.INSTANCE);
  }

  /** The stored decisions, as another instance sees them. */
  DecisionStore store() {
    return new DecisionStore(
        pool, new TenonTables("tenon"), DecisionStore.CLOCK, Duration.ofSeconds(1));
  }

  /** Runs all that is due. */
  void settle() {
    int rounds = 0;
    while (global.runPending()) {
      assertThat(++rounds).isLessThan(100);
    }
  }

  void execute(String sql) {
    transactions.run(unit -> write(unit, sql));
  }

  List<String> column(String sql) {
    return transactions.read(
        unit -> {
          try (Statement statement = unit.connection().createStatement();
              ResultSet row = statement.executeQuery(sql)) {
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

  /** The stored decisions. */
  List<String> decisions() {
    return column("SELECT outcome FROM tenon.global_decision ORDER BY decided_at");
  }

  List<String> acknowledged() {
    return column(
        "SELECT outcome FROM tenon.global_decision WHERE acknowledged_at IS NOT NULL"
            + " ORDER BY decided_at");
  }

  @Override
  public void close() {
    global.close();
    messaging.close();
    pool.close();
  }
}
