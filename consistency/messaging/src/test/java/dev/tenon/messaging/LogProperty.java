package dev.tenon.messaging;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresServer;
import dev.tenon.transaction.spi.TenonTables;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.awaitility.Awaitility;
import org.slf4j.LoggerFactory;

/**
 * Drives readers of a log through adversity: concurrent writers that roll back, stall, use
 * savepoints and prepare; a transaction that holds {@code xmin} down all the time; crashes of the
 * database; partitions dropped while windows are closed. What they read is judged by what was
 * committed.
 */
final class LogProperty implements AutoCloseable {
  private static final int WRITERS = 6;
  private static final int BURNT = 40;
  private static final int KEEPER_ROUNDS = 3;
  private static final int CRASHES_MAX = 20;
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  /** Makes the readers to be judged. */
  @FunctionalInterface
  interface Readers {
    List<LogReader> over(HikariDataSource dataSource, OutboxLog log, long seed) throws SQLException;
  }

  private static final class Reading {
    final LogReader reader;
    final List<LogReader.Read> reads = new ArrayList<>();
    final Map<String, Long> newest = new HashMap<>();

    Reading(LogReader reader) {
      this.reader = reader;
    }

    synchronized int poll() throws SQLException {
      List<LogReader.Read> more = reader.poll();
      reads.addAll(more);
      more.forEach(read -> newest.merge(read.key(), read.value(), Math::max));
      return more.size();
    }

    synchronized boolean has(String key, long value) {
      return newest.getOrDefault(key, 0L) >= value;
    }
  }

  private final PostgresServer server;
  private final HikariDataSource dataSource;
  private final OutboxLog log;
  private final LogKeeper keeper;
  private final LogWriter writer;
  private final SubscriberStore subscribers;
  private final List<Reading> readings = new ArrayList<>();
  private final SplittableRandom random;
  private final ReentrantReadWriteLock writing = new ReentrantReadWriteLock(true);
  private final ReentrantReadWriteLock reading = new ReentrantReadWriteLock(true);
  private final List<Thread> threads = new ArrayList<>();
  private final Queue<Throwable> unexpected = new ConcurrentLinkedQueue<>();
  private final AtomicInteger transactions = new AtomicInteger();
  private volatile boolean closed;

  LogProperty(PostgresServer server, Database database, long seed, Readers readers)
      throws SQLException {
    this.server = server;
    this.random = new SplittableRandom(seed);
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.jdbcUrl());
    config.setUsername(database.user());
    config.setPassword(database.password());
    config.setMaximumPoolSize(WRITERS * 2 + 10);
    config.setConnectionTimeout(10_000);
    // What it says of lost connections is no news here.
    ((Logger) LoggerFactory.getLogger("com.zaxxer.hikari")).setLevel(Level.OFF);
    dataSource = new HikariDataSource(config);
    ServiceDatabase.builder("order", dataSource).open();
    LogWriter.createTables(dataSource);
    TenonTables tables = new TenonTables("tenon");
    log = new SnapshotWindowLog(dataSource, tables, IdGenerator.system());
    writer = new LogWriter(dataSource, log);
    subscribers = new SubscriberStore(dataSource, tables, 100);
    keeper =
        new LogKeeper(
            dataSource,
            tables,
            MessagingConfig.defaults()
                .partitionRows(random.nextInt(100, 400))
                .retention(Duration.ZERO),
            new MessagingMetrics(new SimpleMeterRegistry()));
    Cursor nothing = log.beginning();
    for (LogReader reader : readers.over(dataSource, log, seed)) {
      readings.add(new Reading(reader));
      report(reader.name(), nothing);
    }
  }

  private void report(String name, Cursor cursor) throws SQLException {
    subscribers.report(
        new FeedReport("order", name, "default", new FeedRequest.Slot(0, 1), cursor));
  }

  /** What came of it. */
  record Outcome(
      Map<String, LogVerdict> verdicts,
      Map<String, List<LogReader.Read>> reads,
      int transactions,
      int messages,
      long rowsDropped,
      List<Throwable> unexpected) {}

  Outcome run(int transactionsPerPhase) throws Exception {
    for (int i = 0; i < WRITERS; i++) {
      SplittableRandom own = random.split();
      thread("writer-" + i, () -> write(own));
    }
    for (Reading each : readings) {
      thread("reader-" + each.reader.name(), () -> read(each));
    }
    thread("keeper", this::keep);
    await("writers", () -> transactions.get() >= transactionsPerPhase);
    crash();
    try (Connection pinned = pin()) {
      int now = transactions.get();
      await("writers", () -> transactions.get() >= now + transactionsPerPhase / 2);
      overtake();
      startBeforeLocking();
      pinned.rollback();
    }
    loseTransactionIds();
    try (Connection pinned = pin()) {
      int now = transactions.get();
      await("writers", () -> transactions.get() >= now + transactionsPerPhase / 2);
      writing.writeLock().lock();
      writer.publish(pinned, "pinned", 1);
      pinned.commit();
    }
    writer.finishPrepared();
    stop();
    drain();
    dropWhatAllHaveRead();
    return outcome();
  }

  private void thread(String name, Work work) {
    threads.add(
        Thread.ofVirtual()
            .name(name)
            .start(
                () -> {
                  while (!closed) {
                    pass(work);
                  }
                }));
  }

  /** One pass of a thread. */
  @FunctionalInterface
  private interface Work {
    void run() throws SQLException, InterruptedException;
  }

  private void pass(Work work) {
    try {
      try {
        work.run();
      } catch (SQLException e) {
        if (!closed && !ofCrash(e)) {
          unexpected.add(e);
        }
        Thread.sleep(20);
      } catch (RuntimeException e) {
        unexpected.add(e);
        Thread.sleep(20);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      closed = true;
    }
  }

  /** Lost connections, and prepared transactions that were finished after a crash. */
  private static boolean ofCrash(SQLException e) {
    String state = e.getSQLState() == null ? "08" : e.getSQLState();
    return state.startsWith("08")
        || state.startsWith("57P")
        || state.equals("42704")
        || state.equals("55000");
  }

  private void write(SplittableRandom own) throws SQLException, InterruptedException {
    writing.readLock().lock();
    try {
      if (!closed) {
        writer.any(own);
        transactions.incrementAndGet();
      }
    } finally {
      writing.readLock().unlock();
    }
  }

  private void read(Reading each) throws SQLException, InterruptedException {
    int count;
    reading.readLock().lock();
    try {
      count = each.poll();
      Optional<Cursor> position = each.reader.position();
      if (position.isPresent()) {
        report(each.reader.name(), position.get());
      }
    } finally {
      reading.readLock().unlock();
    }
    Thread.sleep(count > 0 ? 1 : 5);
  }

  private void keep() throws SQLException, InterruptedException {
    reading.readLock().lock();
    try {
      keeper.keep(Instant.now());
    } finally {
      reading.readLock().unlock();
    }
    Thread.sleep(15);
  }

  private void await(String what, java.util.concurrent.Callable<Boolean> condition) {
    Awaitility.await(what).pollInterval(Duration.ofMillis(5)).atMost(PATIENCE).until(condition);
  }

  /** Kills the database in the midst of everything. */
  private void crash() throws SQLException {
    killAndRestart();
    writer.finishPrepared();
  }

  private void killAndRestart() {
    server.kill();
    server.restart();
    dataSource.getHikariPoolMXBean().softEvictConnections();
  }

  /** A transaction with an id that is open for long: every snapshot lists it. */
  private Connection pin() throws SQLException {
    Connection connection = dataSource.getConnection();
    connection.setAutoCommit(false);
    try (var statement = connection.createStatement()) {
      statement.execute("SELECT pg_current_xact_id()");
    }
    return connection;
  }

  /** A writer holds an earlier sequence number back while others pass it; readers do not wait. */
  private void overtake() throws SQLException {
    try (Connection slow = dataSource.getConnection()) {
      slow.setAutoCommit(false);
      writer.publish(slow, "other", 1);
      writer.publish("scene");
      long newest = value("scene");
      for (Reading each : readings) {
        if (each.reader.position().isPresent()) {
          await("a message behind an open transaction", () -> each.has("scene", newest));
        } else {
          each.poll();
        }
      }
      slow.commit();
    }
  }

  private long value(String key) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        var statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery("SELECT value FROM counter WHERE key = '" + key + "'")) {
      row.next();
      return row.getLong(1);
    }
  }

  /** The transaction with the lower id writes a key second, in the same window. */
  private void startBeforeLocking() throws SQLException {
    reading.writeLock().lock();
    try (Connection early = pin()) {
      writer.publish("scene");
      writer.publish(early, "scene", 1);
      early.commit();
    } finally {
      reading.writeLock().unlock();
    }
  }

  /**
   * Readers take a position while transaction ids are out that nothing durable tells of. After the
   * crash the same ids carry messages.
   */
  private void loseTransactionIds() throws SQLException {
    writing.writeLock().lock();
    reading.writeLock().lock();
    try {
      writer.finishPrepared();
      long highest;
      int crashes = 0;
      do {
        drain();
        highest = burn();
        for (Reading each : readings) {
          each.poll();
        }
        killAndRestart();
        crashes++;
      } while (highest < nextTransactionId() + BURNT / 2 && crashes < CRASHES_MAX);
      if (highest < nextTransactionId() + BURNT / 2) {
        throw new IllegalStateException(
            "The database never lost its newest transaction ids [crashes=" + crashes + "].");
      }
      for (int i = 0; i < BURNT / 4; i++) {
        writer.publish("k" + i % LogWriter.KEYS);
      }
    } finally {
      reading.writeLock().unlock();
      writing.writeLock().unlock();
    }
  }

  private long burn() throws SQLException {
    long highest = 0;
    try (Connection connection = dataSource.getConnection()) {
      connection.setAutoCommit(false);
      for (int i = 0; i < BURNT; i++) {
        writer.publish(connection, "scene", 1);
        highest = nextTransactionId(connection);
        connection.rollback();
      }
    }
    return highest;
  }

  private long nextTransactionId() throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      return nextTransactionId(connection);
    }
  }

  private static long nextTransactionId(Connection connection) throws SQLException {
    try (var statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")) {
      row.next();
      return row.getLong(1);
    }
  }

  /** Reads to the end, twice. */
  private void drain() throws SQLException {
    for (int idle = 0; idle < 2; idle++) {
      for (Reading each : readings) {
        while (each.poll() > 0) {
          idle = 0;
        }
      }
    }
  }

  /** What could not be dropped under load, for somebody was always writing. */
  private void dropWhatAllHaveRead() throws SQLException {
    for (Reading each : readings) {
      Optional<Cursor> position = each.reader.position();
      if (position.isPresent()) {
        report(each.reader.name(), position.get());
      }
    }
    for (int round = 0; round < KEEPER_ROUNDS; round++) {
      keeper.keep(Instant.now());
    }
  }

  private Outcome outcome() throws SQLException {
    Map<UUID, String> committed = new HashMap<>();
    long kept;
    try (Connection connection = dataSource.getConnection();
        var statement = connection.createStatement()) {
      try (ResultSet row = statement.executeQuery("SELECT id, key, value FROM expected")) {
        while (row.next()) {
          committed.put(row.getObject(1, UUID.class), row.getString(2) + "=" + row.getLong(3));
        }
      }
      try (ResultSet row = statement.executeQuery("SELECT count(*) FROM tenon.outbox")) {
        row.next();
        kept = row.getLong(1);
      }
    }
    Map<String, LogVerdict> verdicts = new LinkedHashMap<>();
    Map<String, List<LogReader.Read>> reads = new LinkedHashMap<>();
    for (Reading each : readings) {
      verdicts.put(each.reader.name(), LogVerdict.of(committed, each.reads));
      reads.put(each.reader.name(), List.copyOf(each.reads));
    }
    return new Outcome(
        verdicts,
        reads,
        transactions.get(),
        committed.size(),
        committed.size() - kept,
        List.copyOf(unexpected));
  }

  private void stop() throws InterruptedException {
    closed = true;
    while (writing.isWriteLockedByCurrentThread()) {
      writing.writeLock().unlock();
    }
    for (Thread thread : threads) {
      thread.join(PATIENCE);
    }
  }

  @Override
  public void close() throws InterruptedException {
    stop();
    dataSource.close();
  }
}
