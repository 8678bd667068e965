package dev.tenon.cli;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Sends invoices to the order service from several lanes at once, each order to be placed by the
 * means that was dealt to it. Those of one customer share a lane and so keep the order of the file,
 * and a cancellation waits until the customer's earlier orders have their outcome; what is
 * cancelled then never depends on chance.
 */
final class Feeder {
  /** How many requests are under way at once. */
  static final int LANES = 16;

  private static final Set<Integer> ANSWERED = Set.of(200, 201, 202, 422);
  private static final int PAUSE_MILLIS = 20;

  private final ServiceApi api;
  private final List<Invoice> invoices;
  private final BiConsumer<Invoice, JsonNode> told;
  private final Map<String, PlaceMode> modes;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final AtomicInteger answered = new AtomicInteger();
  private final List<Thread> lanes = new ArrayList<>();
  private int released;
  private @Nullable Throwable failure;

  Feeder(ServiceApi api, OrderBook input) {
    this(api, input, (invoice, answer) -> {});
  }

  /**
   * Feeds invoices.
   *
   * @param told is given what each answer says; by several threads
   */
  Feeder(ServiceApi api, OrderBook input, BiConsumer<Invoice, JsonNode> told) {
    this.api = api;
    this.invoices = input.invoices();
    this.modes = input.modes();
    this.told = told;
  }

  /** Starts the lanes; nothing is sent before it is released. */
  void start() {
    List<List<Integer>> work = new ArrayList<>();
    for (int lane = 0; lane < LANES; lane++) {
      work.add(new ArrayList<>());
    }
    for (int i = 0; i < invoices.size(); i++) {
      Invoice invoice = invoices.get(i);
      String key = invoice.customer().orElse(invoice.number());
      work.get(Math.floorMod(key.hashCode(), LANES)).add(i);
    }
    for (List<Integer> lane : work) {
      lanes.add(Thread.ofVirtual().name("feeder").start(() -> run(lane)));
    }
  }

  /** Lets the first invoices of the file go. */
  void release(int count) {
    lock.lock();
    try {
      released = Math.max(released, count);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** How many invoices are answered. */
  int answered() {
    return answered.get();
  }

  /** Whether all that was released is answered; fails if a lane has failed. */
  boolean idle() {
    lock.lock();
    try {
      if (failure != null) {
        throw failure instanceof CliException told
            ? told
            : new IllegalStateException("the feeder failed", failure);
      }
      return answered.get() >= released;
    } finally {
      lock.unlock();
    }
  }

  void stop() {
    lanes.forEach(Thread::interrupt);
  }

  private void run(List<Integer> lane) {
    try {
      for (int index : lane) {
        awaitRelease(index);
        send(invoices.get(index));
        answered.incrementAndGet();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      lock.lock();
      try {
        failure = failure == null ? e : failure;
      } finally {
        lock.unlock();
      }
    }
  }

  private void awaitRelease(int index) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (index >= released) {
        changed.await();
      }
    } finally {
      lock.unlock();
    }
  }

  private void send(Invoice invoice) throws InterruptedException {
    if (invoice.cancellation()) {
      while (invoice.customer().isPresent() && api.pendingOrders(invoice.customer().get())) {
        Thread.sleep(PAUSE_MILLIS);
      }
      told.accept(invoice, api.post("order", "/cancellations", cancellation(invoice), ANSWERED));
    } else {
      PlaceMode mode = requireNonNull(modes.get(invoice.number()));
      String path = "/orders?mode=" + mode.text();
      told.accept(invoice, api.post("order", path, order(invoice), ANSWERED));
    }
  }

  static Map<String, Object> order(Invoice invoice) {
    List<Map<String, Object>> lines = new ArrayList<>();
    for (OrderLine line : invoice.lines()) {
      lines.add(
          Map.of(
              "stockCode", line.stockCode(),
              "quantity", line.quantity(),
              "unitPrice", line.unitPrice()));
    }
    return body("orderNo", invoice, lines);
  }

  static Map<String, Object> cancellation(Invoice invoice) {
    List<Map<String, Object>> lines = new ArrayList<>();
    for (OrderLine line : invoice.lines()) {
      lines.add(Map.of("stockCode", line.stockCode(), "quantity", -line.quantity()));
    }
    return body("cancellationNo", invoice, lines);
  }

  private static Map<String, Object> body(
      String numberName, Invoice invoice, List<Map<String, Object>> lines) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put(numberName, invoice.number());
    invoice.customer().ifPresent(customer -> body.put("customerId", customer));
    body.put("lines", lines);
    return body;
  }
}
