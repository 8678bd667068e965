package dev.tenon.global;

import static java.util.Objects.requireNonNull;

import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.XidSigner;
import dev.tenon.messaging.Messaging;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.spi.TenonTables;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Collects the parts of a service's distributed transactions. */
final class GlobalTransactionsBuilder implements GlobalTransactions.Builder {
  private final Transactions transactions;
  private final Messaging messaging;
  private @Nullable GlobalTransport transport;
  private @Nullable XidSigner signer;
  private final List<BranchType<?>> types = new ArrayList<>();
  private final List<XaDatabase> databases = new ArrayList<>();
  private final List<SagaType<?, ?>> sagas = new ArrayList<>();
  private GlobalConfig config = GlobalConfig.defaults();
  private TenonRuntime runtime = TenonRuntime.system();
  private MeterRegistry meters = new CompositeMeterRegistry();
  private String databaseClock = DecisionStore.CLOCK;

  GlobalTransactionsBuilder(Transactions transactions, Messaging messaging) {
    this.transactions = requireNonNull(transactions, "transactions");
    this.messaging = requireNonNull(messaging, "messaging");
  }

  @Override
  public GlobalTransactions.Builder transport(GlobalTransport value) {
    transport = requireNonNull(value, "transport");
    return this;
  }

  @Override
  public GlobalTransactions.Builder branch(BranchType<?> type) {
    types.add(requireNonNull(type, "type"));
    return this;
  }

  @Override
  public GlobalTransactions.Builder database(XaDatabase value) {
    databases.add(requireNonNull(value, "database"));
    return this;
  }

  @Override
  public GlobalTransactions.Builder saga(SagaType<?, ?> type) {
    sagas.add(requireNonNull(type, "type"));
    return this;
  }

  @Override
  public GlobalTransactions.Builder signer(XidSigner value) {
    signer = requireNonNull(value, "signer");
    return this;
  }

  @Override
  public GlobalTransactions.Builder config(GlobalConfig value) {
    config = requireNonNull(value, "config");
    return this;
  }

  @Override
  public GlobalTransactions.Builder runtime(TenonRuntime value) {
    runtime = requireNonNull(value, "runtime");
    return this;
  }

  @Override
  public GlobalTransactions.Builder meters(MeterRegistry value) {
    meters = requireNonNull(value, "meters");
    return this;
  }

  /** Holds the database's clock still, for tests: an expression in SQL. */
  GlobalTransactionsBuilder databaseClock(String sql) {
    databaseClock = requireNonNull(sql, "sql");
    return this;
  }

  @Override
  public GlobalTransactions build() {
    if (transport == null) {
      throw new IllegalArgumentException("transport: none (expected: one)");
    }
    if (signer == null) {
      throw new IllegalArgumentException("signer: none (expected: one)");
    }
    return new DefaultGlobalTransactions(
        new GlobalParts(
            transactions,
            messaging,
            new TenonTables(transactions.database().tenonSchema()),
            transport,
            signer,
            config,
            runtime,
            new GlobalMetrics(meters),
            databaseClock),
        new LocalParticipant(
            new ParticipantParts(
                transactions,
                messaging,
                config,
                runtime,
                meters,
                signer,
                Optional.of(transport),
                types,
                databases,
                runtime.ids().next())),
        sagas);
  }
}
