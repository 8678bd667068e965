package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class LogRetentionIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final int PARTITION = 50;

  private LogFixture order;
  private LogKeeper keeper;
  private Cursor start;

  @BeforeEach
  void open() throws SQLException {
    order = new LogFixture(postgres.freshDatabase("order"));
    keeper = order.keeper(LogFixture.smallPartitions(PARTITION));
    start = order.log.beginning();
    keep();
  }

  @AfterEach
  void close() {
    order.close();
  }

  private void keep() throws SQLException {
    keeper.keep(Instant.now());
  }

  private long rows() throws SQLException {
    return order.number("SELECT count(*) FROM tenon.outbox");
  }

  /** Three partitions full of messages in a window each, read by nobody yet. */
  private void fill() throws SQLException {
    for (int part = 0; part < 3; part++) {
      order.append(part * PARTITION, (part + 1) * PARTITION);
      order.log.closeWindow();
      keep();
    }
  }

  @Test
  void makesPartitionsAheadOfTheRows() throws SQLException {
    order.append(0, PARTITION);

    assertThat(order.partitions()).isEqualTo(3);
    assertThat(order.number("SELECT count(*) FROM tenon.outbox_rest")).isZero();
    keep();
    keep();
    assertThat(
            order.number(
                "SELECT max(split_part(relname, '_', 3)::bigint) - "
                    + PARTITION
                    + " FROM pg_class WHERE relname ~ '^outbox_[0-9]+_[0-9]+$'"))
        .isBetween(2L * PARTITION, 4L * PARTITION);
  }

  @Test
  void dropsAPartitionOnlyWhenEverybodyIsPastIt() throws SQLException {
    order.report("stock", start);
    order.report("payment", start);
    fill();
    Cursor end = order.read(start).end();

    order.report("stock", end);
    keep();
    assertThat(rows()).as("payment has read nothing").isEqualTo(3 * PARTITION);

    order.report("payment", end);
    long before = order.partitions();
    keep();
    assertThat(rows()).isLessThan(PARTITION);
    assertThat(order.partitions()).isLessThan(before);
    assertThat(order.log.knows(end)).isTrue();
    assertThat(order.log.knows(start)).as("the rows after it are gone").isFalse();
    assertThatThrownBy(() -> order.log.read(start, 10, 1_000)).isInstanceOf(SQLException.class);
    assertThat(order.read(order.log.beginning()).texts()).hasSizeLessThan(PARTITION);
  }

  @Test
  void holdsWhatAReaderInTheMiddleOfAWindowHasNotRead() throws SQLException {
    order.report("stock", start);
    order.append(0, 3 * PARTITION);
    order.log.closeWindow();
    Cursor middle = order.log.read(start, PARTITION, Long.MAX_VALUE).end();
    order.report("stock", middle);

    keep();

    assertThat(rows()).isEqualTo(3 * PARTITION);
    assertThat(order.read(middle).texts()).hasSize(2 * PARTITION);
  }

  @Test
  void keepsWhatIsYoungerThanTheRetentionThoughAllHaveReadIt() throws SQLException {
    keeper = order.keeper(LogFixture.smallPartitions(PARTITION).retention(Duration.ofHours(1)));
    fill();
    order.report("stock", order.read(start).end());

    keep();
    assertThat(rows()).isEqualTo(3 * PARTITION);

    order.execute(
        "UPDATE tenon.outbox_window SET closed_at = closed_at - interval '2 hours' WHERE n <= 2");
    keep();
    assertThat(rows()).isBetween((long) PARTITION, 2L * PARTITION);
    assertThat(order.read(Cursor.endOf(2, windowId(2))).texts()).hasSize(PARTITION);
  }

  private java.util.UUID windowId(long n) throws SQLException {
    Cursor end = order.log.end();
    assertThat(end.window()).isGreaterThanOrEqualTo(n);
    try (Connection connection = order.dataSource.getConnection();
        var statement = connection.createStatement();
        var row = statement.executeQuery("SELECT id FROM tenon.outbox_window WHERE n = " + n)) {
      row.next();
      return row.getObject(1, java.util.UUID.class);
    }
  }

  @Test
  void keepsAPartitionThatAWriterHasOpenAndDeliversItsRow() throws SQLException {
    order.report("stock", start);
    try (Connection stalled = order.begin()) {
      order.append(stalled, "stalled");
      fill();
      Cursor end = order.read(start).end();
      order.report("stock", end);
      keep();
      assertThat(order.number("SELECT count(*) FROM tenon.outbox_1_51"))
          .as("its partition is as it was")
          .isPositive();
      assertThat(order.number("SELECT count(*) FROM tenon.outbox_51_101"))
          .as("the others are emptied all the same")
          .isZero();
      stalled.commit();
      order.log.closeWindow();
      keep();
      assertThat(order.read(end).texts()).containsExactly("stalled");
      order.report("stock", order.read(end).end());
    }
    keep();
    assertThat(order.number("SELECT count(*) FROM pg_class WHERE relname = 'outbox_1_51'"))
        .isZero();
  }

  @Test
  void deliversARowThatComesLateForADroppedRange() throws SQLException {
    order.report("stock", start);
    // The sequence number is taken, the row not yet written.
    long late = order.number("SELECT nextval('tenon.outbox_seq')");
    fill();
    Cursor end = order.read(start).end();
    order.report("stock", end);
    keep();
    assertThat(order.number("SELECT count(*) FROM pg_class WHERE relname = 'outbox_1_51'"))
        .isZero();

    order.execute(
        "INSERT INTO tenon.outbox (seq, id, topic, key, version, headers, payload) VALUES ("
            + late
            + ", gen_random_uuid(), 'topic', 'key', 1, '{}', 'late')");
    assertThat(order.log.closeWindow()).isEqualTo(1);
    keep();

    assertThat(order.number("SELECT count(*) FROM tenon.outbox_rest")).isEqualTo(1);
    LogFixture.Piece piece = order.read(end);
    assertThat(piece.texts()).containsExactly("late");
    order.report("stock", piece.end());
    keep();
    assertThat(order.number("SELECT count(*) FROM tenon.outbox_rest")).as("trimmed").isZero();
  }

  @Test
  void freesTheHoldOfADeadSubscriberAndReportsItOnce() throws SQLException {
    order.report("dead", start);
    order.report("stock", start);
    fill();
    order.report("stock", order.read(start).end());
    order.execute(
        "UPDATE tenon.subscriber SET reported_at = reported_at - interval '8 days'"
            + " WHERE subscriber = 'dead'");

    keep();
    keep();

    assertThat(rows()).isLessThan(PARTITION);
    assertThat(order.meters.counter("tenon.messaging.holds_freed").count()).isEqualTo(1);
    assertThat(order.log.knows(start)).as("it is told when it comes back").isFalse();
  }

  @Test
  void freesTheHoldOfASubscriberThatLagsForTooLongAlthoughItReports() throws SQLException {
    order.report("slow", start);
    fill();
    keep();
    assertThat(rows()).isEqualTo(3 * PARTITION);

    order.execute(
        "UPDATE tenon.outbox_window SET closed_at = closed_at - interval '8 days' WHERE n > 0");
    order.report("slow", start);
    keep();
    keep();

    assertThat(rows()).isLessThan(PARTITION);
    assertThat(order.log.knows(start)).as("it is told when it reads on").isFalse();
  }

  @Test
  void freesTheHoldOfAForgottenSubscriberAtOnce() throws SQLException {
    order.report("gone", start);
    fill();
    keep();
    assertThat(rows()).isEqualTo(3 * PARTITION);

    assertThat(order.subscribers.forget("gone", "default")).isEqualTo(1);
    keep();

    assertThat(rows()).isLessThan(PARTITION);
  }

  @Test
  void trimsWindowsBelowWhatIsKept() throws SQLException {
    order.report("stock", start);
    for (int i = 0; i < 4 * PARTITION; i++) {
      order.append(i, i + 1);
      order.log.closeWindow();
    }
    keep();
    Cursor end = order.read(start).end();
    assertThat(order.number("SELECT count(*) FROM tenon.outbox_window"))
        .isEqualTo(4 * PARTITION + 1);

    order.report("stock", end);
    keep();

    assertThat(order.number("SELECT count(*) FROM tenon.outbox_window")).isEqualTo(1);
    assertThat(order.log.beginning()).isEqualTo(end);
    order.append("next");
    order.log.closeWindow();
    assertThat(order.read(end).texts()).containsExactly("next");
    assertThat(order.subscribers.list().getFirst().lag()).isEqualTo(1);
  }

  @Test
  void takesRowsThatComeFasterThanPartitionsAreMade() throws SQLException {
    order.report("stock", start);
    order.append(0, 20 * PARTITION);
    order.log.closeWindow();
    assertThat(order.number("SELECT count(*) FROM tenon.outbox_rest")).isPositive();

    keep();
    order.append(0, PARTITION);
    order.log.closeWindow();

    assertThat(order.number("SELECT count(*) FROM tenon.outbox_rest"))
        .as("partitions are ahead again")
        .isEqualTo(17 * PARTITION);
    LogFixture.Piece piece = order.read(start);
    assertThat(piece.texts()).hasSize(21 * PARTITION);
    order.report("stock", piece.end());
    keep();
    keep();
    assertThat(rows()).isLessThanOrEqualTo(PARTITION);
  }

  /** No place is held for this reader: the window may be dropped before it is read. */
  private void readAtTheEnd() throws SQLException {
    try {
      order.log.read(order.log.end(), 100, 1_000);
    } catch (SQLException e) {
      if (!String.valueOf(e.getMessage()).startsWith("the log does not know the position")) {
        throw e;
      }
    }
  }

  @Test
  void dropsAndMakesPartitionsWhileEverybodyWritesAndReads() throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    AtomicInteger written = new AtomicInteger();
    Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    order.report("stock", start);
    List<Thread> threads =
        java.util.stream.IntStream.range(0, 6)
            .mapToObj(
                i ->
                    Thread.ofVirtual()
                        .start(
                            () -> {
                              while (!done.get() && failures.isEmpty()) {
                                try {
                                  if (i < 4) {
                                    order.append(0, 5);
                                    written.addAndGet(5);
                                  } else {
                                    readAtTheEnd();
                                  }
                                } catch (SQLException e) {
                                  failures.add(e);
                                }
                              }
                            }))
            .toList();
    AtomicInteger read = new AtomicInteger();
    Cursor[] position = {start};
    long madeAtFirst = order.partitions();
    try {
      Awaitility.await()
          .atMost(Duration.ofMinutes(2))
          .pollInterval(Duration.ofMillis(20))
          .until(
              () -> {
                order.log.closeWindow();
                LogFixture.Piece piece = order.read(position[0]);
                read.addAndGet(piece.texts().size());
                position[0] = piece.end();
                order.report("stock", position[0]);
                keep();
                boolean goesOn = failures.isEmpty();
                return !goesOn || (written.get() > 30 * PARTITION && rows() < written.get() / 2);
              });
    } finally {
      done.set(true);
      for (Thread thread : threads) {
        thread.join();
      }
    }
    assertThat(failures).isEmpty();
    order.log.closeWindow();
    read.addAndGet(order.read(position[0]).texts().size());
    assertThat(read).hasValue(written.get());
    assertThat(madeAtFirst).isPositive();
  }
}
