package dev.tenon.cli;

import dev.tenon.testing.database.PostgresServer;
import dev.tenon.testing.database.PostgresServerException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Does faults, several at a time, and mends what each has broken: what is killed is started again,
 * what is stopped goes on, the network is healed and clocks are put right. Thread-safe.
 */
final class TortureFaults implements AutoCloseable {
  /** How long what was killed may take until it is ready again. */
  static final Duration READY_MAX = Duration.ofMinutes(3);

  /** How many instances are started again at a time; more is no torture, but a slow machine. */
  private static final int STARTING_MAX = 2;

  /** How long bytes to a participant are late before a starter is hit. */
  private static final Duration LATE = Duration.ofMillis(600);

  /** One of them is late when a starter is hit. */
  private static final List<String> PARTICIPANTS = List.of("inventory", "payment");

  private static final int POLL_MILLIS = 50;

  private static final String CONNECTIONS =
      "select pid from pg_stat_activity where backend_type = 'client backend' and datname = ?"
          + " and pid <> pg_backend_pid() order by random() limit 1";

  private final DemoServices services;
  private final DemoPostgres postgres;
  private final TortureNetwork network;
  private final Takeovers takeovers;
  private final Progress progress;
  private final long begun = System.nanoTime();
  private final Semaphore starting = new Semaphore(STARTING_MAX);
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Set<String> targets = new HashSet<>();
  private final Map<String, Integer> done = new TreeMap<>();
  private final Map<Thread, Fault> threads = new HashMap<>();
  private int kills;
  private @Nullable RuntimeException failure;
  private volatile boolean closed;

  TortureFaults(
      DemoServices services,
      DemoPostgres postgres,
      TortureNetwork network,
      Takeovers takeovers,
      Progress progress) {
    this.services = services;
    this.postgres = postgres;
    this.network = network;
    this.takeovers = takeovers;
    this.progress = progress;
  }

  /** Begins a fault, as soon as what it hits is whole; returns while it goes on. */
  void begin(Fault fault) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!targets.add(fault.target())) {
        changed.await();
      }
      Thread thread = Thread.ofVirtual().name("fault").unstarted(() -> run(fault));
      threads.put(thread, fault);
      thread.start();
    } finally {
      lock.unlock();
    }
  }

  /** Returns when all faults are mended. */
  void awaitMended() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!threads.isEmpty()) {
        checkFailure();
        changed.await();
      }
      checkFailure();
    } finally {
      lock.unlock();
    }
  }

  int kills() {
    lock.lock();
    try {
      return kills;
    } finally {
      lock.unlock();
    }
  }

  /** How often each kind of fault was done. */
  Map<String, Integer> done() {
    lock.lock();
    try {
      return new TreeMap<>(done);
    } finally {
      lock.unlock();
    }
  }

  /** Fails if a fault could not be done or mended. */
  void check() {
    lock.lock();
    try {
      checkFailure();
    } finally {
      lock.unlock();
    }
  }

  private void checkFailure() {
    if (failure != null) {
      throw failure;
    }
  }

  /** Lets all go on that stands still, so that it can be ended, and does nothing more. */
  @Override
  public void close() {
    closed = true;
    List<Map.Entry<Thread, Fault>> under;
    lock.lock();
    try {
      under = List.copyOf(threads.entrySet());
    } finally {
      lock.unlock();
    }
    for (Map.Entry<Thread, Fault> one : under) {
      one.getKey().interrupt();
    }
  }

  private void run(Fault fault) {
    try {
      switch (fault) {
        case Fault.KillService(String instance) -> killService(fault, instance);
        case Fault.KillPostgres(String service, Fault.Victim victim) ->
            killPostgres(fault, service, victim);
        case Fault.Pause(String instance, Duration length) -> pause(fault, instance, length);
        case Fault.Disturb(String caller, String callee, TcpProxy.Way way, Duration length) -> {
          tell(fault);
          network.become(caller, callee, way);
          sleepThen(length, () -> network.become(caller, callee, TcpProxy.Way.WHOLE));
        }
        case Fault.JumpClock(String instance, Duration offset, Duration length) -> {
          tell(fault);
          setClock(instance, offset);
          sleepThen(length, () -> setClock(instance, Duration.ZERO));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      fail(e);
    } finally {
      ended(fault);
    }
  }

  private void fail(RuntimeException e) {
    lock.lock();
    try {
      if (!closed && failure == null) {
        failure = e;
      }
    } finally {
      lock.unlock();
    }
  }

  private void ended(Fault fault) {
    lock.lock();
    try {
      threads.remove(Thread.currentThread());
      release(fault);
    } finally {
      lock.unlock();
    }
  }

  /** Makes sure that nothing else is done to the same; says whether that can be had at once. */
  private boolean claim(Fault fault) {
    lock.lock();
    try {
      return targets.add(fault.target());
    } finally {
      lock.unlock();
    }
  }

  private void release(Fault fault) {
    lock.lock();
    try {
      targets.remove(fault.target());
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Counts it, and says so. */
  private void tell(Fault fault) {
    lock.lock();
    try {
      done.merge(fault.kind(), 1, Integer::sum);
      kills += fault.kill() ? 1 : 0;
    } finally {
      lock.unlock();
    }
    progress.event("%7.1f s  %s".formatted((System.nanoTime() - begun) / 1e9, fault.text()));
  }

  private void sleepThen(Duration length, Runnable mend) throws InterruptedException {
    try {
      Thread.sleep(length);
    } finally {
      mend.run();
    }
  }

  private static boolean starter(String instance) {
    return ServiceInstance.service(instance).equals("order");
  }

  private void killService(Fault fault, String instance) throws InterruptedException {
    starting.acquire();
    try {
      whileBusy(
          instance,
          () -> {
            services.kill(instance);
            tell(fault);
            watch(instance);
          });
      startAgain(instance);
    } finally {
      starting.release();
    }
  }

  /** What hits an instance. */
  private interface Hit {
    void run() throws InterruptedException;
  }

  /**
   * A starter is hit when it surely has transactions under way: bytes to a participant are late for
   * a moment before. They arrive after the hit.
   */
  private void whileBusy(String instance, Hit hit) throws InterruptedException {
    String callee = PARTICIPANTS.get(kills() % PARTICIPANTS.size());
    Fault late = new Fault.Disturb("order", callee, TcpProxy.Way.LATE, LATE);
    if (!starter(instance) || !claim(late)) {
      hit.run(); // or the network is disturbed anyway
      return;
    }
    try {
      network.become("order", callee, TcpProxy.Way.LATE);
      Thread.sleep(LATE);
      hit.run();
    } finally {
      network.become("order", callee, TcpProxy.Way.WHOLE);
      release(late);
    }
  }

  private boolean twinWhole(String instance) {
    lock.lock();
    try {
      return targets.stream()
          .filter(target -> !target.equals(instance))
          .noneMatch(target -> target.startsWith("order-") || target.equals("PostgreSQL of order"));
    } finally {
      lock.unlock();
    }
  }

  private void watch(String instance) {
    if (starter(instance)) {
      Thread.ofVirtual()
          .name("takeover")
          .start(
              () -> {
                try {
                  takeovers.watch(() -> twinWhole(instance));
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
    }
  }

  /** As an orchestrator would: once more, if it ends while its database is away. */
  private void startAgain(String instance) throws InterruptedException {
    long until = System.nanoTime() + READY_MAX.toNanos();
    String url = services.url(instance);
    services.startAgain(instance);
    while (!services.api().ready(url)) {
      if (System.nanoTime() > until) {
        throw new CliException(
            "Could not start a killed service again [instance=%s]: not ready within %s. Read %s."
                .formatted(instance, READY_MAX, services.log(instance)));
      }
      Thread.sleep(POLL_MILLIS);
      if (!services.alive(instance)) {
        services.startAgain(instance);
      }
    }
  }

  private void pause(Fault fault, String instance, Duration length) throws InterruptedException {
    whileBusy(
        instance,
        () -> {
          services.pause(instance);
          tell(fault);
          watch(instance);
        });
    try {
      Thread.sleep(length);
    } finally {
      services.resume(instance);
    }
  }

  private void killPostgres(Fault fault, String service, Fault.Victim victim)
      throws InterruptedException {
    PostgresServer server = postgres.of(service);
    switch (victim) {
      case SERVER -> server.kill();
      case POSTMASTER -> kill(server.postmasterPid());
      case BACKEND -> kill(connection(server, service));
    }
    tell(fault);
    long until = System.nanoTime() + READY_MAX.toNanos();
    while (victim != Fault.Victim.BACKEND && !restarted(server, until)) {
      Thread.sleep(POLL_MILLIS);
    }
    while (!answers(server)) {
      if (System.nanoTime() > until) {
        throw new CliException(
            "PostgreSQL did not recover [service=%s]: it takes no connections. Read %s."
                .formatted(service, server.logFile()));
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  private static void kill(long pid) {
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
  }

  private static long connection(PostgresServer server, String service) {
    try (Connection connection = server.superuserDataSource("postgres").getConnection();
        PreparedStatement statement = connection.prepareStatement(CONNECTIONS)) {
      statement.setString(1, service);
      try (ResultSet row = statement.executeQuery()) {
        // The service itself may be dead just now; then any child of the server will do.
        return row.next() ? row.getLong(1) : child(server);
      }
    } catch (SQLException e) {
      throw new CliException(
          "Could not find a connection to kill [service=%s]: %s."
              .formatted(service, e.getMessage()),
          e);
    }
  }

  private static long child(PostgresServer server) {
    return ProcessHandle.of(server.postmasterPid()).stream()
        .flatMap(ProcessHandle::children)
        .findFirst()
        .map(ProcessHandle::pid)
        .orElseThrow(() -> new CliException("PostgreSQL has no process to kill."));
  }

  /** What outlives the main process may hold its memory for a moment. */
  private boolean restarted(PostgresServer server, long until) {
    if (closed) {
      return true;
    }
    try {
      server.restart();
      return true;
    } catch (PostgresServerException e) {
      if (System.nanoTime() > until) {
        throw e;
      }
      return false;
    }
  }

  private static boolean answers(PostgresServer server) {
    try (Connection connection = server.superuserDataSource("postgres").getConnection()) {
      return connection.isValid(1);
    } catch (SQLException e) {
      return false;
    }
  }

  private void setClock(String instance, Duration offset) {
    Path file = network.clock(instance);
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(file, Long.toString(offset.toMillis()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
