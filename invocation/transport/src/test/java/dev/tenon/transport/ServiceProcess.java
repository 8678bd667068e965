package dev.tenon.transport;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.messaging.MessageContext;
import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.Subscription;
import dev.tenon.messaging.Topic;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * One instance of a service as a process of its own, over the real transport. A publisher sells
 * without a pause until table {@code closed} has a row, and writes the address of its Tenon port to
 * a file; a subscriber books what was sold.
 */
final class ServiceProcess {
  static final int PRODUCTS = 8;

  private static final String TOPIC = "shop.sale";

  /** What the publisher sends: {@code number} rises by one for each product. */
  record Sale(String product, int number) {}

  private ServiceProcess() {}

  /** Starts an instance of the publisher; the file will hold its address. */
  static Process publisher(String name, Database database, Path address) throws IOException {
    return start("publisher", name, database, address.toString());
  }

  /** Starts an instance of the subscriber, which knows the publisher's instances. */
  static Process subscriber(String name, Database database, List<String> publishers)
      throws IOException {
    return start("subscriber", name, database, String.join(",", publishers));
  }

  private static Process start(String role, String name, Database database, String peer)
      throws IOException {
    return new ProcessBuilder(
            ProcessHandle.current().info().command().orElseThrow(),
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            ServiceProcess.class.getName(),
            role,
            name,
            database.name(),
            database.jdbcUrl(),
            database.user(),
            database.password(),
            peer)
        .redirectErrorStream(true)
        .redirectOutput(
            ProcessBuilder.Redirect.appendTo(new File("target/" + role + "-" + name + ".log")))
        .start();
  }

  public static void main(String[] arguments) throws Exception {
    String name = arguments[1];
    HikariDataSource pool =
        pool(new Database(arguments[2], arguments[3], arguments[4], arguments[5]));
    if (arguments[0].equals("publisher")) {
      publish(name, pool, Path.of(arguments[6]));
    } else {
      subscribe(name, pool, List.of(arguments[6].split(",")));
    }
    new CountDownLatch(1).await();
  }

  private static HikariDataSource pool(Database database) {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.jdbcUrl());
    config.setUsername(database.user());
    config.setPassword(database.password());
    return new HikariDataSource(config);
  }

  private static void publish(String name, HikariDataSource pool, Path address) throws Exception {
    Transactions transactions = Transactions.of(ServiceDatabase.builder("shop", pool).open());
    ServiceIdentity identity = ServiceIdentity.development("shop");
    TenonPort port = TenonPort.builder(identity).open();
    Messaging messaging =
        Messaging.builder(transactions)
            .topic(Topic.of(TOPIC, "stock"))
            .transport(HttpFeedTransport.builder(identity, MovingEndpoints.callsTo()).build())
            .address(port.address())
            .build();
    port.serve(messaging.feedSource());
    messaging.start();
    Path written = Files.writeString(address.resolveSibling(name + ".part"), port.address());
    Files.move(written, address, StandardCopyOption.ATOMIC_MOVE);
    for (int i = 0; sell(transactions, messaging, name + i % PRODUCTS); i++) {
      Thread.sleep(2);
    }
  }

  /** Says whether the shop was still open. */
  private static boolean sell(Transactions transactions, Messaging messaging, String product) {
    return transactions.call(
        unit -> {
          List<Integer> number =
              numbers(
                  unit,
                  "INSERT INTO sale (product, number)"
                      + " SELECT ?, (SELECT coalesce(max(number), 0) + 1 FROM sale"
                      + " WHERE product = ?) WHERE NOT EXISTS (SELECT 1 FROM closed)"
                      + " RETURNING number",
                  product);
          number.forEach(n -> messaging.outbox().publish(TOPIC, product, new Sale(product, n)));
          return !number.isEmpty();
        });
  }

  private static List<Integer> numbers(UnitOfWork unit, String sql, String product) {
    try (PreparedStatement statement = unit.connection().prepareStatement(sql)) {
      statement.setString(1, product);
      statement.setString(2, product);
      List<Integer> numbers = new ArrayList<>();
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          numbers.add(row.getInt(1));
        }
      }
      return numbers;
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void subscribe(String name, HikariDataSource pool, List<String> publishers) {
    Messaging messaging =
        Messaging.builder(Transactions.of(ServiceDatabase.builder("stock", pool).open()))
            .transport(
                HttpFeedTransport.builder(
                        ServiceIdentity.development("stock"),
                        MovingEndpoints.callsTo(publishers.toArray(String[]::new)))
                    .build())
            .subscribe(
                Subscription.to("shop")
                    .on(TOPIC, Sale.class, (sale, context) -> book(name, sale, context))
                    .build())
            .build();
    messaging.start();
  }

  private static void book(String instance, Sale sale, MessageContext context) throws SQLException {
    try (PreparedStatement insert =
        context
            .unit()
            .connection()
            .prepareStatement("INSERT INTO sold (product, number, instance) VALUES (?, ?, ?)")) {
      insert.setString(1, sale.product());
      insert.setInt(2, sale.number());
      insert.setString(3, instance);
      insert.executeUpdate();
    }
  }
}
