package dev.tenon.examples.quickstart.order;

import dev.tenon.messaging.InProcessTransport;
import dev.tenon.testing.crash.World;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** The services of a crash scenario, in one JVM and on one thread, with a clock of their own. */
final class CrashableServices implements AutoCloseable {
  private static final int FAILURES_MAX = 20;

  private final List<CrashableService> all;
  private final InProcessTransport network = new InProcessTransport();
  private Instant now = Instant.EPOCH;

  CrashableServices(List<CrashableService> all) {
    this.all = List.copyOf(all);
  }

  Instant now() {
    return now;
  }

  void reset() throws Exception {
    now = Instant.parse("2026-01-01T00:00:00Z");
    for (CrashableService service : all) {
      service.reset();
    }
  }

  void start(World world) throws Exception {
    network.clear();
    for (CrashableService service : all) {
      service.start(world, this::now, network);
      network.serve(service.feedSource());
    }
  }

  /** Does a client's work at a service; the client repeats it until it is answered. */
  void ask(World world, CrashableService service, World.Work work) throws Exception {
    while (!world.attempt(service.name(), work)) {
      restart(world, service);
    }
  }

  private void restart(World world, CrashableService service) throws Exception {
    service.start(world, this::now, network);
    network.serve(service.feedSource());
  }

  /** Runs all services until none has anything to do, though time passes. */
  void settle(World world, Duration passing) throws Exception {
    Instant end = now.plus(passing);
    int failures = 0;
    while (true) {
      boolean any = false;
      for (CrashableService service : all) {
        try {
          any |= runPending(world, service);
        } catch (RuntimeException e) {
          if (++failures > FAILURES_MAX) {
            throw e;
          }
          any = true;
        }
      }
      if (!any && !now.isBefore(end)) {
        return;
      }
      now = any ? now : now.plus(passing.dividedBy(2));
    }
  }

  private boolean runPending(World world, CrashableService service) throws Exception {
    boolean[] any = new boolean[1];
    if (!world.attempt(service.name(), () -> any[0] = service.runPending())) {
      restart(world, service);
      return true;
    }
    return any[0];
  }

  @Override
  public void close() {
    all.forEach(CrashableService::close);
  }
}
