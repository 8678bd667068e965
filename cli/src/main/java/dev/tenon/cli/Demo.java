package dev.tenon.cli;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresServerException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A demo from start to end: PostgreSQL, one database and login for each service, the services as
 * processes, their work, and the audit. {@link #close} may be called from another thread at any
 * time and leaves no process behind.
 */
final class Demo implements AutoCloseable {
  /** PostgreSQL, the unpacked services and logs need about this much at first. */
  static final long DISK_BYTES_LEAST = 500L << 20;

  /** The payment service refuses to charge more than this at once. */
  static final BigDecimal CHARGE_LIMIT = new BigDecimal("10000.00");

  /** How long closing waits for a start that is under way. */
  static final Duration CLOSE_MAX = Duration.ofSeconds(30);

  private final DemoHome home;
  private final OrderSource source;
  private final OrderBook input;
  private final Progress progress;
  private final ReentrantLock lock = new ReentrantLock();
  private @Nullable FileChannel claim;
  private @Nullable DemoPostgres postgres;
  private @Nullable DemoServices services;
  private volatile boolean closed;

  Demo(DemoHome home, OrderSource source, Progress progress) {
    this.home = home;
    this.source = source;
    this.input = source.read();
    this.progress = progress;
  }

  OrderBook input() {
    return input;
  }

  /** Starts everything; returns when all services are ready. */
  DemoServices start(DemoLayout layout) throws InterruptedException {
    claim();
    endLeftovers();
    checkDisk(home);
    DemoKeys.generate(home);
    Map<String, Database> databases = databases(layout);
    DemoServices started;
    lock.lock();
    try {
      checkOpen();
      List<ServiceInstance> instances = layout.instances().over(databases);
      started = new DemoServices(home, source, CHARGE_LIMIT, instances, layout.patience());
      services = started;
    } finally {
      lock.unlock();
    }
    started.start(progress);
    progress.event("Services: each a process beside its own database, in " + postgres().text());
    started.urls().forEach((name, url) -> progress.event("  %-10s %s".formatted(name, url)));
    return started;
  }

  /** Recomputes everything from the input and compares it with what the services hold. */
  AuditReport audit() {
    return audit(input, logins());
  }

  static AuditReport audit(OrderBook input, ServiceLogins logins) {
    return audit(input, FoundBooks.read(logins));
  }

  static AuditReport audit(OrderBook input, Books found) {
    return Audit.compare(input, ExpectedBooks.of(input, CHARGE_LIMIT, found), found);
  }

  ServiceLogins logins() {
    return running().state().logins();
  }

  DemoServices running() {
    lock.lock();
    try {
      checkOpen();
      if (services == null) {
        throw new IllegalStateException("the demo was not started");
      }
      return services;
    } finally {
      lock.unlock();
    }
  }

  DemoPostgres postgres() {
    lock.lock();
    try {
      if (postgres == null) {
        throw new IllegalStateException("the demo was not started");
      }
      return postgres;
    } finally {
      lock.unlock();
    }
  }

  /** One demo at a time in a directory. The claim ends with this process, however it ends. */
  private void claim() {
    lock.lock();
    try {
      checkOpen();
      Files.createDirectories(home.data());
      FileChannel channel =
          FileChannel.open(home.lockFile(), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (!claimed(channel)) {
        channel.close();
        throw new CliException(
            "Could not start a demo [directory=%s]: one is up already.".formatted(home.data())
                + " End it with Ctrl-C in its terminal.");
      }
      claim = channel;
    } catch (IOException e) {
      String reason = e instanceof AccessDeniedException ? "this user may not" : e.getMessage();
      throw new CliException(
          "Could not write [directory=%s]: %s. Name another by the variable TENON_DATA."
              .formatted(home.data(), reason),
          e);
    } finally {
      lock.unlock();
    }
  }

  private static boolean claimed(FileChannel channel) throws IOException {
    try {
      FileLock held = channel.tryLock();
      return held != null;
    } catch (OverlappingFileLockException e) {
      return false;
    }
  }

  /** Ends what a demo left behind that was itself killed. */
  private void endLeftovers() throws InterruptedException {
    DemoState left = DemoState.read(home).orElse(null);
    if (left == null) {
      return;
    }
    for (DemoState.Service service : left.services().values()) {
      ProcessHandle process = service.process().orElse(null);
      if (process != null) {
        progress.event("Ending a service that a killed demo left: pid " + process.pid());
        process.destroyForcibly();
        while (process.isAlive()) {
          Thread.sleep(10);
        }
      }
    }
    deleteState();
  }

  private void deleteState() {
    try {
      Files.deleteIfExists(home.stateFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Map<String, Database> databases(DemoLayout layout) {
    progress.state("Starting PostgreSQL");
    try {
      return startPostgres(layout).databases();
    } catch (PostgresServerException e) {
      throw new CliException(String.valueOf(e.getMessage()), e);
    }
  }

  /** Under the lock, so that whoever closes this meanwhile waits for the server and ends it. */
  private DemoPostgres startPostgres(DemoLayout layout) {
    lock.lock();
    try {
      checkOpen();
      DemoPostgres started = DemoPostgres.start(home, layout.servers());
      postgres = started;
      return started;
    } finally {
      lock.unlock();
    }
  }

  static void checkDisk(DemoHome home) {
    try {
      long free = Files.getFileStore(home.data()).getUsableSpace();
      checkDisk(home, free);
    } catch (IOException e) {
      throw new CliException(
          "Could not read the free space [directory=%s]: %s."
              .formatted(home.data(), e.getMessage()),
          e);
    }
  }

  static void checkDisk(DemoHome home, long free) {
    if (free < DISK_BYTES_LEAST) {
      throw new CliException(
          "Could not start PostgreSQL [directory=%s]: the disk is full, %d MiB are free and %d are"
                  .formatted(home.data(), free >> 20, DISK_BYTES_LEAST >> 20)
              + " needed. Free some space.");
    }
  }

  /** Whether it is closed, or being closed: failures are of no interest then. */
  boolean ended() {
    return closed;
  }

  private void checkOpen() {
    if (closed) {
      throw new CliException("The demo was ended.");
    }
  }

  /**
   * Ends the services in order, then PostgreSQL. Safe to repeat. A PostgreSQL that is only just
   * being started is waited for, but not for ever: its watchdog ends it after this process.
   */
  @Override
  public void close() {
    closed = true;
    try {
      if (!lock.tryLock(CLOSE_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        progress.event("PostgreSQL is still starting; it ends by itself.");
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    try {
      closeAll();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      lock.unlock();
    }
  }

  private void closeAll() throws InterruptedException, IOException {
    try {
      if (services != null) {
        services.end(progress);
      }
    } finally {
      if (postgres != null) {
        progress.state("Ending PostgreSQL");
        postgres.close();
      }
      progress.end();
    }
    services = null;
    postgres = null;
    if (claim != null) {
      deleteState();
      claim.close();
      claim = null;
    }
  }
}
