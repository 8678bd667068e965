package dev.tenon.messaging;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** The meters of messaging; all begin with {@code tenon.messaging}. */
final class MessagingMetrics {
  private static final String SUBSCRIPTION = "subscription";

  private final MeterRegistry registry;
  private final Counter published;
  private final Counter windows;
  private final DistributionSummary windowMessages;
  private final DistributionSummary scanRows;
  private final AtomicLong strays = new AtomicLong();
  private final Map<String, AtomicLong> lags = new ConcurrentHashMap<>();
  private final Map<String, AtomicLong> held = new ConcurrentHashMap<>();
  private final Map<String, AtomicLong> failed = new ConcurrentHashMap<>();
  private final Map<String, AtomicLong> parked = new ConcurrentHashMap<>();

  MessagingMetrics(MeterRegistry registry) {
    this.registry = registry;
    published = registry.counter("tenon.messaging.published");
    windows = registry.counter("tenon.messaging.windows");
    windowMessages = registry.summary("tenon.messaging.window.messages");
    scanRows = registry.summary("tenon.messaging.scan.rows");
    registry.gauge("tenon.messaging.strays", strays);
  }

  Counter published() {
    return published;
  }

  void windowClosed(long messages) {
    windows.increment();
    windowMessages.record(messages);
  }

  void strays(long threads) {
    strays.set(threads);
  }

  void scanned(long rows) {
    scanRows.record(rows);
  }

  void delivered(String subscription, int messages) {
    registry.counter("tenon.messaging.delivered", SUBSCRIPTION, subscription).increment(messages);
  }

  void batch(String subscription, long nanos) {
    Timer timer = registry.timer("tenon.messaging.batch", SUBSCRIPTION, subscription);
    timer.record(Duration.ofNanos(nanos));
  }

  void failure(String subscription) {
    registry.counter("tenon.messaging.failures", SUBSCRIPTION, subscription).increment();
  }

  void retried(String subscription) {
    registry.counter("tenon.messaging.retries", SUBSCRIPTION, subscription).increment();
  }

  void lostTail(String subscription) {
    registry.counter("tenon.messaging.lost_tail", SUBSCRIPTION, subscription).increment();
  }

  void takenOver(String subscription) {
    registry.counter("tenon.messaging.takeovers", SUBSCRIPTION, subscription).increment();
  }

  void holdFreed() {
    registry.counter("tenon.messaging.holds_freed").increment();
  }

  void reply(Receipt receipt) {
    String outcome =
        switch (receipt) {
          case Receipt.Executed executed -> "executed";
          case Receipt.Replayed replayed -> "replayed";
          case Receipt.Rejected rejected ->
              rejected.reason().name().toLowerCase(Locale.ROOT).replace('_', '-');
        };
    registry.counter("tenon.messaging.replies", "outcome", outcome).increment();
  }

  void lag(String subscription, int slot, long messages) {
    slotGauge(lags, "tenon.messaging.lag", subscription, slot).set(messages);
  }

  void held(String subscription, int slot, boolean isHeld) {
    slotGauge(held, "tenon.messaging.held", subscription, slot).set(isHeld ? 1 : 0);
  }

  /** The slot is another instance's from now on: it says the rest. */
  void left(String subscription, int slot) {
    lag(subscription, slot, 0);
    held(subscription, slot, false);
  }

  private AtomicLong slotGauge(
      Map<String, AtomicLong> gauges, String name, String subscription, int slot) {
    return gauges.computeIfAbsent(
        subscription + "#" + slot,
        id -> {
          AtomicLong value = new AtomicLong();
          List<Tag> tags =
              List.of(Tag.of(SUBSCRIPTION, subscription), Tag.of("slot", Integer.toString(slot)));
          registry.gauge(name, tags, value);
          return value;
        });
  }

  void failedNow(String subscription, long count, long parkedCount) {
    gauge(failed, "tenon.messaging.failed", subscription).set(count);
    gauge(parked, "tenon.messaging.parked", subscription).set(parkedCount);
  }

  private AtomicLong gauge(Map<String, AtomicLong> gauges, String name, String subscription) {
    return gauges.computeIfAbsent(
        subscription,
        id -> {
          AtomicLong value = new AtomicLong();
          registry.gauge(name, List.of(Tag.of(SUBSCRIPTION, id)), value);
          return value;
        });
  }
}
