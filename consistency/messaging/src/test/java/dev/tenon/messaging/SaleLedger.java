package dev.tenon.messaging;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;

/** Books sales, remembers who did it, and can tell whether all was done once and in order. */
final class SaleLedger {
  private final String instance;
  private final DataSource aside;

  /**
   * Creates it.
   *
   * @param instance who books
   * @param aside for what is written outside of the unit of work
   */
  SaleLedger(String instance, DataSource aside) {
    this.instance = instance;
    this.aside = aside;
  }

  static void create(TestService stock) {
    stock.execute(
        "CREATE TABLE sold (place bigserial, product text, number int, instance text,"
            + " at timestamptz DEFAULT clock_timestamp());"
            + "CREATE TABLE total (product text PRIMARY KEY, amount int NOT NULL);"
            + "CREATE TABLE held (product text, number int, instance text,"
            + " PRIMARY KEY (product, number));"
            + "CREATE TABLE go (really boolean)");
  }

  Subscription subscription() {
    return Subscription.to("shop").on(Sale.TOPIC, Sale.class, this::book).build();
  }

  void book(Sale sale, MessageContext context) throws Exception {
    Connection connection = context.unit().connection();
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO sold (product, number, instance) VALUES (?, ?, ?)")) {
      insert.setString(1, sale.product());
      insert.setInt(2, sale.number());
      insert.setString(3, instance);
      insert.executeUpdate();
    }
    try (PreparedStatement add =
        connection.prepareStatement(
            "INSERT INTO total VALUES (?, 1)"
                + " ON CONFLICT (product) DO UPDATE SET amount = total.amount + 1")) {
      add.setString(1, sale.product());
      add.executeUpdate();
    }
    if (sale.hold() && firstToHold(sale)) {
      waitUntilTold(connection);
    }
  }

  private boolean firstToHold(Sale sale) throws SQLException {
    try (Connection connection = aside.getConnection();
        PreparedStatement insert =
            connection.prepareStatement(
                "INSERT INTO held VALUES (?, ?, ?) ON CONFLICT DO NOTHING")) {
      insert.setString(1, sale.product());
      insert.setInt(2, sale.number());
      insert.setString(3, instance);
      return insert.executeUpdate() == 1;
    }
  }

  /** Asks again and again, so that its own transaction is never idle for long. */
  private static void waitUntilTold(Connection connection) throws SQLException {
    try (PreparedStatement ask =
        connection.prepareStatement("SELECT EXISTS (SELECT 1 FROM go), pg_sleep(0.05)")) {
      while (true) {
        try (ResultSet row = ask.executeQuery()) {
          row.next();
          if (row.getBoolean(1)) {
            return;
          }
        }
      }
    }
  }

  static int booked(TestService stock) {
    return Integer.parseInt(stock.column("SELECT count(*) FROM sold").getFirst());
  }

  /** Sales booked twice, booked out of order, or not counted: none, if all is well. */
  static List<String> mistakes(TestService stock) {
    return stock.column(
        "SELECT 'twice: ' || product || ' ' || number FROM sold GROUP BY product, number HAVING"
            + " count(*) > 1 UNION ALL SELECT 'order: ' || product || ' ' || number FROM (SELECT"
            + " product, number, lag(number) OVER (PARTITION BY product ORDER BY place) AS before"
            + " FROM sold) s WHERE number < before UNION ALL SELECT 'total: ' || product FROM total"
            + " t WHERE amount <> (SELECT count(*) FROM sold s WHERE s.product = t.product)");
  }
}
