package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.spi.TenonTables;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The log after its database was restored, failed over or set back. */
class LogHistoryIT {
  @RegisterExtension static final PostgresExtension old = PostgresExtension.shared();
  @RegisterExtension static final PostgresExtension fresh = PostgresExtension.dedicated();

  private static SnapshotWindowLog anotherProcess(DataSource dataSource) {
    return new SnapshotWindowLog(dataSource, new TenonTables("tenon"), IdGenerator.system());
  }

  @Test
  void bridgesToANewEpochOnAnotherCluster() throws SQLException {
    try (LogFixture order = new LogFixture(old.freshDatabase("order"))) {
      Cursor start = order.log.beginning();
      order.append("a", "b");
      order.log.closeWindow();
      Cursor read = order.read(start).end();
      order.append("c");
      order.execute("UPDATE tenon.identity SET system_identifier = 1");

      SnapshotWindowLog log = anotherProcess(order.dataSource);
      assertThat(log.adoptHistory()).isTrue();
      assertThat(log.adoptHistory()).isFalse();
      order.append("d");
      assertThat(log.closeWindow()).isEqualTo(1);

      assertThat(order.number("SELECT epoch FROM tenon.identity")).isEqualTo(2);
      assertThat(order.read(read).texts()).containsExactly("c", "d");
      assertThat(order.read(start).texts()).containsExactly("a", "b", "c", "d");
      assertThat(order.read(start, 1, 1).texts()).containsExactly("a", "b", "c", "d");
    }
  }

  @Test
  void beginsOneEpochWhenSeveralInstancesNotice() throws Exception {
    try (LogFixture order = new LogFixture(old.freshDatabase("order"))) {
      order.append("a");
      order.execute("UPDATE tenon.identity SET timeline = 'FFFFFFFF'");

      List<Thread> instances =
          IntStream.range(0, 4)
              .mapToObj(
                  i ->
                      Thread.ofVirtual()
                          .start(
                              () -> {
                                try {
                                  anotherProcess(order.dataSource).closeWindow();
                                } catch (SQLException e) {
                                  throw new IllegalStateException(e);
                                }
                              }))
              .toList();
      for (Thread instance : instances) {
        instance.join();
      }

      assertThat(order.number("SELECT epoch FROM tenon.identity")).isEqualTo(2);
      assertThat(order.read(order.log.beginning()).texts()).containsExactly("a");
    }
  }

  @Test
  void beginsNoEpochBeforeThePreparedTransactionsOfTheOldOneHaveEnded() throws SQLException {
    try (LogFixture order = new LogFixture(old.freshDatabase("order"))) {
      try (Connection connection = order.begin();
          var statement = connection.createStatement()) {
        order.append(connection, "prepared");
        statement.execute("PREPARE TRANSACTION 'before-failover'");
      }
      order.execute("UPDATE tenon.identity SET timeline = 'FFFFFFFF'");
      SnapshotWindowLog log = anotherProcess(order.dataSource);
      assertThatThrownBy(log::closeWindow)
          .isInstanceOf(SQLException.class)
          .extracting(e -> ((SQLException) e).getSQLState())
          .isEqualTo("55P03");

      order.execute("COMMIT PREPARED 'before-failover'");
      assertThat(log.closeWindow()).isZero();

      assertThat(order.read(log.beginning()).texts()).containsExactly("prepared");
    }
  }

  /** Where the process's pool leads: to another server after a failover that it does not notice. */
  private static DataSource switching(AtomicReference<DataSource> target) {
    return (DataSource)
        Proxy.newProxyInstance(
            LogHistoryIT.class.getClassLoader(),
            new Class<?>[] {DataSource.class},
            (proxy, method, arguments) -> {
              try {
                return method.invoke(target.get(), arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @Test
  void losesAndDoublesNothingWhenACopyGoesOnInAFreshCluster() throws SQLException {
    try (LogFixture order = new LogFixture(old.freshDatabase("order"));
        LogFixture copy = new LogFixture(fresh.freshDatabase("order"))) {
      AtomicReference<DataSource> target = new AtomicReference<>(order.dataSource);
      SnapshotWindowLog log = anotherProcess(switching(target));
      LogTail tail = new LogTail();
      ChunkCache cache = new ChunkCache(log, tail, new MessagingMetrics(new SimpleMeterRegistry()));
      Cursor start = log.beginning();
      leaveBehind(order, nextTransactionId(copy) + 200);
      order.append("a", "b");
      log.closeWindow();
      Cursor read = cache.read(start).end();
      try (Connection early = order.begin()) {
        early.createStatement().execute("SELECT pg_current_xact_id()");
        order.append("c");
        log.closeWindow();
        order.append(early, "early");
        early.commit();
      }
      order.append("not in a window");
      tail.grew();
      assertThat(cache.read(read).rows()).hasSize(1);
      assertThat(nextTransactionId(copy)).isLessThan(nextTransactionId(order));

      copyLog(order, copy);
      target.set(copy.dataSource);

      try (Connection connection = copy.begin()) {
        assertThatThrownBy(() -> log.append(connection, List.of()))
            .as("a row with a number of the old cluster's would be in no window")
            .isInstanceOf(SQLException.class)
            .hasMessageContaining("new epoch of the log has not begun")
            .extracting(e -> ((SQLException) e).getSQLState())
            .isEqualTo("40001");
        connection.rollback();
      }
      log.closeWindow();
      for (String text : List.of("d", "e", "f")) {
        copy.append(text);
        assertThat(log.closeWindow()).isEqualTo(1);
      }

      assertThat(copy.read(read).texts())
          .containsExactly("c", "early", "not in a window", "d", "e", "f");
      assertThat(copy.read(start).texts())
          .containsExactly("a", "b", "c", "early", "not in a window", "d", "e", "f");
      assertThat(cache.read(read).rows()).as("what was cached before is forgotten").hasSize(3);
    }
  }

  private static long nextTransactionId(LogFixture service) throws SQLException {
    return service.number("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint");
  }

  /** Counts transactions up. */
  private static void leaveBehind(LogFixture service, long least) throws SQLException {
    while (nextTransactionId(service) < least) {
      service.execute("SELECT pg_current_xact_id()");
    }
  }

  /** What a dump and its restore do. */
  private static void copyLog(LogFixture from, LogFixture to) throws SQLException {
    to.execute("TRUNCATE tenon.identity, tenon.outbox, tenon.outbox_window, tenon.subscriber");
    for (String table : List.of("identity", "outbox", "outbox_window", "subscriber")) {
      copyTable(from, to, "tenon." + table);
    }
    long seq = from.number("SELECT last_value FROM tenon.outbox_seq");
    to.execute("SELECT setval('tenon.outbox_seq', " + seq + ")");
  }

  private static void copyTable(LogFixture from, LogFixture to, String table) throws SQLException {
    List<String> rows = new ArrayList<>();
    try (Connection connection = from.dataSource.getConnection();
        var statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery("SELECT t::text FROM " + table + " t ORDER BY random()")) {
      while (row.next()) {
        rows.add(row.getString(1));
      }
    }
    try (Connection connection = to.begin();
        PreparedStatement insert =
            connection.prepareStatement("INSERT INTO " + table + " SELECT (?::" + table + ").*")) {
      for (String row : rows) {
        insert.setString(1, row);
        insert.addBatch();
      }
      insert.executeBatch();
      connection.commit();
    }
  }

  record Placed(int number) {}

  @Test
  void readsOnFromTheNewestPositionBothKnowAndReportsThatATailWasLost() throws SQLException {
    InProcessTransport transport = new InProcessTransport();
    SimpleMeterRegistry meters = new SimpleMeterRegistry();
    try (TestService order =
            new TestService(
                "order", old.freshDatabase("order"), b -> b.topic(Topic.of("placed", "stock")));
        TestService stock =
            new TestService(
                "stock",
                old.freshDatabase("stock"),
                b ->
                    b.transport(transport)
                        .meters(meters)
                        .subscribe(
                            Subscription.to("order")
                                .on("placed", Placed.class, LogHistoryIT::store)
                                .build()))) {
      transport.serve(order.messaging.feedSource());
      stock.execute("CREATE TABLE stored (place serial, number int)");
      for (int number = 1; number <= 9; number++) {
        place(order, number);
        settle(order, stock);
      }
      // The publisher is set back: its last three windows never were.
      order.execute("DELETE FROM tenon.outbox WHERE seq > 6");
      order.execute("DELETE FROM tenon.outbox_window WHERE n > 6");
      for (int number = 20; number <= 25; number++) {
        place(order, number);
        if (number % 2 == 0) {
          order.messaging.runPending();
        }
      }

      Awaitility.await()
          .untilAsserted(
              () -> {
                settle(order, stock);
                assertThat(stock.column("SELECT number FROM stored WHERE number >= 20")).hasSize(6);
              });
      assertThat(stock.column("SELECT DISTINCT number FROM stored ORDER BY number"))
          .containsExactly(
              "1", "2", "3", "4", "5", "6", "7", "8", "9", "20", "21", "22", "23", "24", "25");
      assertThat(stock.column("SELECT count(*) FROM stored")).containsExactly("15");
      assertThat(meters.find("tenon.messaging.lost_tail").counters())
          .isNotEmpty()
          .allSatisfy(counter -> assertThat(counter.count()).isPositive());
    }
  }

  private static void store(Placed placed, MessageContext context) throws SQLException {
    try (PreparedStatement insert =
        context.unit().connection().prepareStatement("INSERT INTO stored (number) VALUES (?)")) {
      insert.setInt(1, placed.number());
      insert.executeUpdate();
    }
  }

  private static void place(TestService order, int number) {
    order.transactions.run(
        unit -> order.messaging.outbox().publish("placed", "key-" + number, new Placed(number)));
  }

  private static void settle(TestService order, TestService stock) {
    int idle = 0;
    while (idle < 2) {
      boolean any = order.messaging.runPending();
      try {
        any |= stock.messaging.runPending();
      } catch (MessagingException e) {
        any = true; // A broken stream is opened again by the next pass.
      }
      idle = any ? 0 : idle + 1;
    }
  }
}
