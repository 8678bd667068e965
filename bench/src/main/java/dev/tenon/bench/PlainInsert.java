package dev.tenon.bench;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;

/** Reference: the business insert alone, committed; no message is written. */
final class PlainInsert implements Contender {

  @Override
  public String name() {
    return "plain insert";
  }

  @Override
  public String setup() {
    return "the business row alone: one commit, no message";
  }

  @Override
  public boolean delivers() {
    return false;
  }

  @Override
  public Session open(Site site, int producers, Ledger ledger) {
    HikariDataSource pool = site.producerPool(producers);
    return new Session() {
      @Override
      public void produce(Order order) {
        insert(pool, order);
      }

      @Override
      public void close() {
        pool.close();
      }
    };
  }

  private static void insert(HikariDataSource pool, Order order) {
    try (Connection connection = pool.getConnection()) {
      connection.setAutoCommit(false);
      BusinessTables.insertOrder(connection, order);
      connection.commit();
    } catch (SQLException e) {
      throw new BenchmarkException(
          "Could not insert order [id=" + order.id() + "]: " + e.getMessage(), e);
    }
  }
}
