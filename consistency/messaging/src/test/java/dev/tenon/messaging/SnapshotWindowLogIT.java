package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class SnapshotWindowLogIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private LogFixture order;
  private Cursor start;

  @BeforeEach
  void open() throws SQLException {
    order = new LogFixture(postgres.freshDatabase("order"));
    start = order.log.beginning();
  }

  @AfterEach
  void close() {
    order.close();
  }

  @Test
  void seesTransactionsAsPostgresDoes() throws SQLException {
    long seed = new SplittableRandom().nextLong();
    SplittableRandom random = new SplittableRandom(seed);
    try (Connection connection = order.dataSource.getConnection();
        PreparedStatement ask =
            connection.prepareStatement(
                "SELECT pg_visible_in_snapshot(t::text::xid8, ?::pg_snapshot)"
                    + " FROM generate_series(?::bigint, ?) t ORDER BY t")) {
      for (int round = 0; round < 100; round++) {
        long xmin = random.nextLong(3, 1L << random.nextInt(3, 40));
        long xmax = xmin + random.nextInt(30);
        TreeSet<Long> listed = new TreeSet<>();
        for (long tx = xmin; tx < xmax; tx++) {
          if (random.nextInt(4) == 0) {
            listed.add(tx);
          }
        }
        String text =
            xmin
                + ":"
                + xmax
                + ":"
                + listed.stream().map(String::valueOf).collect(Collectors.joining(","));
        Snapshot snapshot = Snapshot.parse(text);
        ask.setString(1, text);
        ask.setLong(2, xmin - 2);
        ask.setLong(3, xmax + 2);
        try (ResultSet row = ask.executeQuery()) {
          for (long tx = xmin - 2; row.next(); tx++) {
            assertThat(snapshot.sees(tx))
                .as("%d in %s, seed %d", tx, text, seed)
                .isEqualTo(row.getBoolean(1));
          }
        }
      }
    }
  }

  @Test
  void delaysOnlyTheMessagesOfTheTransactionThatRunsForLong() throws SQLException {
    Cursor position;
    try (Connection slow = order.begin()) {
      order.append(slow, "slow");
      order.append("quick");
      assertThat(order.log.closeWindow()).isEqualTo(1);
      LogFixture.Piece piece = order.read(start);
      assertThat(piece.texts()).containsExactly("quick");
      position = piece.end();
      slow.commit();
    }
    order.append("later");
    assertThat(order.log.closeWindow()).isEqualTo(2);

    assertThat(order.read(position).texts()).containsExactly("slow", "later");
  }

  @Test
  void scansNoMoreThanItReadsHoweverLongATransactionRuns() throws SQLException {
    // One connection besides the pinned one, for statistics are sent by each on its own.
    order.close();
    order = new LogFixture(postgres.freshDatabase("order"), 2);
    start = order.log.beginning();
    order.append(0, 30_000);
    order.log.closeWindow();
    Cursor position = order.read(start).end();
    try (Connection pinned = order.begin()) {
      pinned.createStatement().execute("SELECT pg_current_xact_id()");
      for (int window = 0; window < 40; window++) {
        try (Connection undone = order.begin()) {
          order.append(undone, "undone");
          undone.rollback();
        }
        order.append(0, 25);
        long before = rowsRead();
        assertThat(order.log.closeWindow()).isEqualTo(25);
        LogFixture.Piece piece = order.read(position);

        assertThat(piece.texts()).hasSize(25);
        assertThat(piece.scanned()).as("window %d", window).isEqualTo(25);
        assertThat(rowsRead() - before)
            .as("rows that PostgreSQL looked at, window %d", window)
            .isLessThan(2_000);
        position = piece.end();
      }
    }
  }

  /** Rows that scans of the log have looked at in this database, by its statistics. */
  private long rowsRead() throws SQLException {
    try (Connection connection = order.dataSource.getConnection();
        var statement = connection.createStatement()) {
      statement.execute("SELECT pg_stat_force_next_flush()");
    }
    return order.number(
        "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))"
            + " FROM pg_stat_user_tables WHERE schemaname = 'tenon' AND relname LIKE 'outbox\\_%'"
            + " AND relname <> 'outbox_window'");
  }

  @Test
  void readsAWindowThatIsLargerThanAChunkInParts() throws SQLException {
    order.append(0, 20_000);
    order.append("next");
    order.log.closeWindow();

    OutboxLog.Chunk first = order.log.read(start, 4_000, 1 << 20);
    assertThat(first.rows()).hasSize(4_000);
    assertThat(first.end().seq()).isNotEqualTo(Cursor.WINDOW_END);
    assertThat(order.log.knows(first.end())).isTrue();

    List<String> expected = IntStream.range(0, 20_000).mapToObj(Integer::toString).toList();
    List<String> all = order.read(start, 4_000, 1 << 20).texts();
    assertThat(all).hasSize(20_001).startsWith("0", "1").endsWith("19999", "next");
    assertThat(all.subList(0, 20_000)).isEqualTo(expected);
    assertThat(order.read(start, 10_000, 20_000).texts()).as("parts by bytes").isEqualTo(all);
  }

  @Test
  void readsAMessageThatIsLargerThanTheBytesOfAChunk() throws SQLException {
    order.append("a", "x".repeat(5_000), "b");
    order.log.closeWindow();

    assertThat(order.log.read(start, 100, 1_000).rows()).hasSize(1);
    assertThat(order.read(start, 100, 1_000).texts()).containsExactly("a", "x".repeat(5_000), "b");
  }

  @Test
  void closesNoWindowWhereThereIsNothing() throws SQLException {
    assertThat(order.log.closeWindow()).isZero();
    assertThat(order.log.end()).isEqualTo(start);
    try (Connection undone = order.begin()) {
      order.append(undone, "undone");
      undone.rollback();
    }
    assertThat(order.log.closeWindow()).isZero();
    assertThat(order.log.end()).isEqualTo(start);
  }

  @Test
  void leavesNothingOpenWhenAnotherClosesTheWindowFirst() throws Exception {
    try (Connection other = order.begin();
        var statement = other.createStatement()) {
      order.append("one");
      // Another closer has taken the number, and a snapshot from before the next message.
      statement.execute(
          "INSERT INTO tenon.outbox_window (n, id, epoch, snapshot, messages, bytes, total)"
              + " SELECT 1, gen_random_uuid(), 1, pg_current_snapshot(), 1, 3, 1");
      order.append("two");
      CompletableFuture<Long> closed =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return order.log.closeWindow();
                } catch (SQLException e) {
                  throw new IllegalStateException(e);
                }
              });
      while (order.number(
              "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'transactionid'"
                  + " AND datname = current_database()")
          == 0) {
        Thread.onSpinWait();
      }
      other.commit();

      assertThat(closed.get()).isEqualTo(1);
    }
    assertThat(order.log.end().window()).isEqualTo(2);
    assertThat(order.read(start).texts()).containsExactly("one", "two");
  }

  @Test
  void keepsRowsOfASavepointOnlyIfItWasKept() throws SQLException {
    try (Connection connection = order.begin()) {
      order.append(connection, "before");
      var savepoint = connection.setSavepoint();
      order.append(connection, "undone");
      connection.rollback(savepoint);
      connection.setSavepoint();
      order.append(connection, "kept");
      connection.commit();
    }

    assertThat(order.log.closeWindow()).isEqualTo(2);
    assertThat(order.read(start).texts()).containsExactly("before", "kept");
  }

  @Test
  void readsAPreparedTransactionWhenItIsCommitted() throws SQLException {
    try (Connection connection = order.begin();
        var statement = connection.createStatement()) {
      order.append(connection, "prepared");
      statement.execute("PREPARE TRANSACTION 'log-it'");
    }
    order.append("other");
    order.log.closeWindow();
    LogFixture.Piece piece = order.read(start);
    assertThat(piece.texts()).containsExactly("other");

    order.execute("COMMIT PREPARED 'log-it'");
    order.log.closeWindow();
    assertThat(order.read(piece.end()).texts()).containsExactly("prepared");
  }

  @Test
  void makesItsCommitsDurableWhateverTheSessionSays() throws SQLException {
    try (Connection connection = order.begin();
        var statement = connection.createStatement()) {
      statement.execute("SET LOCAL synchronous_commit = off");
      order.append(connection, "x");
      try (ResultSet row = statement.executeQuery("SHOW synchronous_commit")) {
        row.next();
        assertThat(row.getString(1)).isEqualTo("on");
      }
      connection.rollback();
    }
  }

  @Test
  void doesNotKnowPositionsOfAnotherLog() throws SQLException {
    order.append("one");
    order.log.closeWindow();
    Cursor end = order.log.end();
    Cursor foreign = Cursor.endOf(end.window(), UUID.randomUUID());
    Cursor ahead = Cursor.endOf(end.window() + 1, end.windowId());
    Cursor part = new Cursor(end.window(), end.windowId(), 1, Optional.empty());

    assertThat(order.log.knows(end)).isTrue();
    assertThat(order.log.knows(start)).isTrue();
    assertThat(order.log.knows(part)).isTrue();
    assertThat(order.log.knows(foreign)).isFalse();
    assertThat(order.log.knows(ahead)).isFalse();
    assertThatThrownBy(() -> order.log.read(foreign, 10, 10))
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("does not know the position");
    assertThatThrownBy(() -> order.log.read(ahead, 10, 10)).isInstanceOf(SQLException.class);
  }
}
