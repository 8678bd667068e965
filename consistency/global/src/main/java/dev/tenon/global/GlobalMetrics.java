package dev.tenon.global;

import io.micrometer.core.instrument.MeterRegistry;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;

/** The meters of distributed transactions; all begin with {@code tenon.global}. */
final class GlobalMetrics {
  private static final String OUTCOME = "outcome";

  private final MeterRegistry registry;
  private final AtomicLong open = new AtomicLong();
  private final AtomicLong problems = new AtomicLong();
  private final AtomicLong pivotsInDoubt = new AtomicLong();

  GlobalMetrics(MeterRegistry registry) {
    this.registry = registry;
    registry.gauge("tenon.global.decisions.open", open);
    registry.gauge("tenon.global.decisions.problems", problems);
    registry.gauge("tenon.global.pivots.doubtful", pivotsInDoubt);
  }

  void ended(GlobalTransactionException.Told how) {
    String outcome = how.name().toLowerCase(Locale.ROOT);
    registry.counter("tenon.global.transactions", OUTCOME, outcome).increment();
  }

  void told(String participant, long count) {
    registry.counter("tenon.global.orders", "participant", participant).increment(count);
  }

  void unreachable(String participant) {
    registry.counter("tenon.global.unreachable", "participant", participant).increment();
  }

  void takenOver(long count) {
    registry.counter("tenon.global.takeovers").increment(count);
  }

  void openNow(OpenCounts counts) {
    open.set(counts.decisions().open());
    problems.set(counts.decisions().withProblem());
    pivotsInDoubt.set(counts.sagas().pivotsInDoubt());
  }
}
