package dev.tenon.messaging;

import dev.tenon.testing.database.Database;
import java.io.File;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;

/**
 * One process of the tests of instances: an instance of the publisher and one of the subscriber.
 * Arguments: name, then database, URL, user and password of each, then the lease.
 */
final class InstanceMain {
  private InstanceMain() {}

  public static void main(String[] arguments) throws Exception {
    InProcessTransport transport = new InProcessTransport();
    Shop shop = new Shop(database(arguments, 1), transport);
    SaleLedger[] ledger = new SaleLedger[1];
    TestService stock =
        new TestService(
            "stock",
            database(arguments, 5),
            builder ->
                builder
                    .transport(transport)
                    .config(MessagingConfig.defaults().lease(Duration.parse(arguments[9])))
                    .subscribe(
                        Subscription.to("shop")
                            .on(
                                Sale.TOPIC,
                                Sale.class,
                                (sale, context) -> ledger[0].book(sale, context))
                            .build()));
    ledger[0] = new SaleLedger(arguments[0], stock.pool);
    CountDownLatch closed = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  stock.close();
                  shop.close();
                  closed.countDown();
                  Runtime.getRuntime().halt(0);
                }));
    shop.service.messaging.start();
    stock.messaging.start();
    closed.await();
  }

  private static Database database(String[] arguments, int first) {
    return new Database(
        arguments[first], arguments[first + 1], arguments[first + 2], arguments[first + 3]);
  }

  /** Starts such a process with this one's class path. */
  static Process start(String name, Database shop, Database stock, Duration lease)
      throws IOException {
    return new ProcessBuilder(
            ProcessHandle.current().info().command().orElseThrow(),
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            InstanceMain.class.getName(),
            name,
            shop.name(),
            shop.jdbcUrl(),
            shop.user(),
            shop.password(),
            stock.name(),
            stock.jdbcUrl(),
            stock.user(),
            stock.password(),
            lease.toString())
        .redirectErrorStream(true)
        .redirectOutput(
            ProcessBuilder.Redirect.appendTo(new File("target/process-" + name + ".log")))
        .start();
  }
}
