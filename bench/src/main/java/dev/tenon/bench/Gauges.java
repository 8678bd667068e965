package dev.tenon.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.tenon.testing.database.PostgresServer;
import java.lang.management.ManagementFactory;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;

/** Reads what the server and the machine count. Thread-safe. */
final class Gauges {
  private static final String WAL =
      """
      SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'),
             (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal')\
      """;

  private final PostgresServer server;
  private final OperatingSystemMXBean machine =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  Gauges(PostgresServer server) {
    this.server = server;
  }

  /**
   * The server's write-ahead log so far.
   *
   * @param bytes written
   * @param syncs flushes that ended sessions have handed in
   */
  record Wal(double bytes, double syncs) {}

  Wal wal() {
    try (Connection connection = server.superuserDataSource("postgres").getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(WAL)) {
      rows.next();
      return new Wal(rows.getDouble(1), rows.getDouble(2));
    } catch (SQLException e) {
      throw new BenchmarkException("Could not read the server's counters: " + e.getMessage(), e);
    }
  }

  /** Writes all dirty pages out, so that no run pays for the one before it. */
  void checkpoint() {
    try (Connection connection = server.superuserDataSource("postgres").getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute("CHECKPOINT");
    } catch (SQLException e) {
      throw new BenchmarkException("Could not checkpoint the server: " + e.getMessage(), e);
    }
  }

  /** Share of the machine in use since the last call, 0 to 1. */
  double machineBusy() {
    return machine.getCpuLoad();
  }

  /** Processor time of this process so far. */
  long processMicros() {
    return TimeUnit.NANOSECONDS.toMicros(machine.getProcessCpuTime());
  }
}
