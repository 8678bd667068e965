package dev.tenon.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.tenon.testing.database.PostgresServer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Reads what the server and the machine count. Thread-safe. */
final class Gauges {
  private static final String WAL =
      """
      SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'),
             (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal')\
      """;

  /* Fields of /proc/PID/stat, counted from the state, which follows the name. */
  private static final int PARENT = 1;
  private static final int USER_TICKS = 11;
  private static final int SYSTEM_TICKS = 12;
  private static final int WAITED_SYSTEM_TICKS = 14;
  private static final double MICROS_PER_TICK = 10_000;

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

  /** Processor time of the server's processes so far, ended ones included; NaN if unknown. */
  double serverMicros() {
    Path processes = Path.of("/proc");
    String postmaster = Long.toString(server.postmasterPid());
    if (!Files.isDirectory(processes.resolve(postmaster))) {
      return Double.NaN;
    }
    long ticks = 0;
    try (Stream<Path> all = Files.list(processes)) {
      for (Path process : all.toList()) {
        String[] fields = statistics(process);
        if (process.endsWith(postmaster)) {
          ticks += sum(fields, USER_TICKS, WAITED_SYSTEM_TICKS);
        } else if (fields.length > PARENT && fields[PARENT].equals(postmaster)) {
          ticks += sum(fields, USER_TICKS, SYSTEM_TICKS);
        }
      }
    } catch (IOException e) {
      return Double.NaN;
    }
    return ticks * MICROS_PER_TICK;
  }

  /** The fields after the process's name; none if it is no process, or ended just now. */
  private static String[] statistics(Path process) {
    try {
      String line = Files.readString(process.resolve("stat"));
      return line.substring(line.lastIndexOf(')') + 2).split(" ");
    } catch (IOException e) {
      return new String[0];
    }
  }

  private static long sum(String[] fields, int from, int to) {
    long sum = 0;
    for (int field = from; field <= to && field < fields.length; field++) {
      sum += Long.parseLong(fields[field]);
    }
    return sum;
  }

  /** Processor time of this process so far. */
  long processMicros() {
    return TimeUnit.NANOSECONDS.toMicros(machine.getProcessCpuTime());
  }
}
