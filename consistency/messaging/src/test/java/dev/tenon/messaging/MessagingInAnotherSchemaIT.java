package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.TenonTables;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * All of {@link MessagingIT} and the statements that it does not reach, in databases that have no
 * schema {@code tenon}: one that was written for that schema and not changed would fail. The name
 * is a word of SQL.
 */
class MessagingInAnotherSchemaIT extends MessagingIT {
  private static final String SCHEMA = "table";
  private static final int PARTITION_ROWS = 100;
  private static final String OWN = "order/default";

  private final TenonTables tables = new TenonTables(SCHEMA);

  @Override
  String tenonSchema() {
    return SCHEMA;
  }

  @AfterEach
  void findNothingInTheUsualSchema() {
    for (TestService service : List.of(order, stock)) {
      assertThat(service.column("SELECT nspname FROM pg_namespace WHERE nspname ~ 'tenon'"))
          .isEmpty();
    }
  }

  @Test
  void keepsTheLogsPartitionsAndForgetsSubscribers() throws SQLException {
    Instant later = TenonRuntime.system().clock().instant().plus(Duration.ofHours(1));
    LogKeeper keeper =
        new LogKeeper(
            order.pool,
            tables,
            MessagingConfig.defaults().partitionRows(PARTITION_ROWS).retention(Duration.ZERO),
            new MessagingMetrics(new SimpleMeterRegistry()));
    keeper.keep(later);
    assertThat(partitions()).hasSizeGreaterThan(1);
    for (int round = 0; round < 4 * PARTITION_ROWS; round++) {
      place(round, "lamp");
    }
    settle();
    assertThat(stock.column("SELECT count(DISTINCT number) FROM reserved"))
        .containsExactly(Integer.toString(4 * PARTITION_ROWS));

    assertThat(order.messaging.subscriptions().subscribers()).isNotEmpty();
    assertThat(order.messaging.subscriptions().forget("stock", "default")).isPositive();
    List<String> before = partitions();
    keeper.keep(later);
    assertThat(partitions()).doesNotContain(before.getFirst());
    assertThat(order.column("SELECT count(*) FROM \"table\".outbox_rest")).containsExactly("0");

    place(-1, "lamp");
    settle();
    assertThat(stock.column("SELECT number FROM reserved WHERE number < 0")).containsExactly("-1");
  }

  private List<String> partitions() {
    return order.column(
        "SELECT relname FROM pg_class WHERE relname ~ '^outbox_[0-9]+_[0-9]+$' ORDER BY oid");
  }

  @Test
  void reportsSilentSubscribers() throws SQLException {
    SimpleMeterRegistry meters = new SimpleMeterRegistry();
    LogKeeper keeper =
        new LogKeeper(
            order.pool,
            tables,
            MessagingConfig.defaults().retention(Duration.ZERO),
            new MessagingMetrics(meters));
    SubscriberStore subscribers = new SubscriberStore(order.pool, tables, 100);
    SnapshotWindowLog log = new SnapshotWindowLog(order.pool, tables, IdGenerator.system());
    subscribers.report(
        new FeedReport("order", "gone", "x", new FeedRequest.Slot(0, 1), log.beginning()));
    place(1, "lamp");
    settle();

    keeper.keep(TenonRuntime.system().clock().instant().plus(Duration.ofDays(30)));

    assertThat(meters.counter("tenon.messaging.holds_freed").count()).isPositive();
  }

  @Test
  void beginsANewEpochAndGoesOn() throws SQLException {
    place(1, "lamp");
    settle();
    order.execute("UPDATE \"table\".identity SET timeline = 'another'");
    SnapshotWindowLog log = new SnapshotWindowLog(order.pool, tables, IdGenerator.system());

    assertThat(log.adoptHistory()).isTrue();
    place(2, "lamp");
    settle();

    assertThat(order.column("SELECT epoch FROM \"table\".identity")).containsExactly("2");
    assertThat(stock.column("SELECT number FROM reserved ORDER BY place"))
        .containsExactly("1", "2");
  }

  @Test
  void offersEveryOperation() throws SQLException {
    broken.set(true);
    place(1, "broken");
    place(2, "lamp");
    settle();
    List<FailedMessages.FailedMessage> failed =
        stock.messaging.failedMessages().list(FailedMessages.Filter.ALL, 10);
    UUID id = failed.getFirst().message().id();
    assertThat(stock.messaging.failedMessages().find(id)).hasSize(1);
    assertThat(new RetryStore(stock.pool, tables).counts()).containsKey(OWN);
    assertThat(stock.messaging.failedMessages().drop(List.of(id))).isEqualTo(1);
    assertThat(stock.messaging.subscriptions().slots()).isNotEmpty();

    SlotStore slots = new SlotStore(stock.pool, tables, UUID.randomUUID(), Duration.ofSeconds(3));
    slots.thinPassed(new SlotLease(OWN, new FeedRequest.Slot(0, 4), 0, Optional.empty(), false));
    assertThat(slots.peers()).isEmpty();
    slots.leave();
    assertThat(firstTime()).isTrue();
    assertThat(firstTime()).isFalse();

    stock.messaging.subscriptions().restart(OWN, MessagingInAnotherSchemaIT::wipe);
    assertThat(stock.column("SELECT count(*) FROM \"table\".slot WHERE window_n IS NOT NULL"))
        .containsExactly("0");
  }

  private boolean firstTime() {
    return stock.transactions.call(unit -> stock.messaging.inbox().firstTime("till", "1"));
  }

  private static void wipe(UnitOfWork unit) throws SQLException {
    try (var statement = unit.connection().createStatement()) {
      statement.execute("DELETE FROM reserved");
    }
  }
}
