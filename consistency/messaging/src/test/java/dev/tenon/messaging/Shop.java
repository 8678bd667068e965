package dev.tenon.messaging;

import dev.tenon.testing.database.Database;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** A publisher of sales, with as many keys as wanted, each in order. */
final class Shop implements AutoCloseable {
  final TestService service;
  private final Map<String, Integer> numbers = new ConcurrentHashMap<>();
  private final AtomicInteger sold = new AtomicInteger();
  private final AtomicBoolean open = new AtomicBoolean(true);

  Shop(Database database, InProcessTransport transport) {
    this(database, transport, 16);
  }

  Shop(Database database, InProcessTransport transport, int poolSize) {
    service =
        new TestService(
            "shop",
            database,
            config -> config.setMaximumPoolSize(poolSize),
            builder -> builder.topic(Topic.of(Sale.TOPIC, Topic.ANYONE)));
    transport.serve(service.messaging.feedSource());
  }

  void sell(String product) {
    sell(product, false);
  }

  /** One caller at a time for each product. */
  void sell(String product, boolean hold) {
    int number = numbers.getOrDefault(product, 0) + 1;
    service.transactions.run(
        unit ->
            service
                .messaging
                .outbox()
                .publish(Sale.TOPIC, product, new Sale(product, number, hold)));
    numbers.put(product, number);
    sold.incrementAndGet();
  }

  int sold() {
    return sold.get();
  }

  /** Sells without a pause on one thread until {@link #shut}. */
  Thread sellOn(String prefix, int products) {
    return Thread.ofVirtual()
        .start(
            () -> {
              for (int i = 0; open.get(); i++) {
                sell(prefix + i % products);
                pause();
              }
            });
  }

  private static void pause() {
    try {
      Thread.sleep(2);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  void shut(Thread... sellers) throws InterruptedException {
    open.set(false);
    for (Thread seller : sellers) {
      seller.join();
    }
  }

  @Override
  public void close() {
    service.close();
  }
}
