package dev.tenon.bench;

import com.arjuna.ats.arjuna.common.CoreEnvironmentBeanException;
import com.arjuna.ats.arjuna.common.ObjectStoreEnvironmentBean;
import com.arjuna.ats.arjuna.common.arjPropertyManager;
import com.arjuna.common.internal.util.propertyservice.BeanPopulator;
import jakarta.transaction.TransactionManager;
import java.io.IOException;
import java.nio.file.Files;
import java.sql.SQLException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import javax.sql.XAConnection;
import org.postgresql.xa.PGXADataSource;

/**
 * Narayana's transaction manager over PostgreSQL's XA connections, which are kept open in pools.
 * Its log is its default, a file for each transaction, flushed.
 */
final class NarayanaBank implements Bank {
  private final TransactionManager manager =
      com.arjuna.ats.jta.TransactionManager.transactionManager();
  private final BlockingQueue<XAConnection> first;
  private final BlockingQueue<XAConnection> second;

  private NarayanaBank(BankSite site) throws SQLException {
    first = pool(site.first());
    second = pool(site.second());
  }

  static Bank open(BankSite site) throws IOException, CoreEnvironmentBeanException, SQLException {
    String store = Files.createTempDirectory("tenon-bench-narayana").toString();
    arjPropertyManager.getCoreEnvironmentBean().setNodeIdentifier("bench");
    arjPropertyManager.getObjectStoreEnvironmentBean().setObjectStoreDir(store);
    for (String name : new String[] {"communicationStore", "stateStore"}) {
      BeanPopulator.getNamedInstance(ObjectStoreEnvironmentBean.class, name)
          .setObjectStoreDir(store);
    }
    return new NarayanaBank(site);
  }

  private static BlockingQueue<XAConnection> pool(BankDatabase database) throws SQLException {
    BlockingQueue<XAConnection> pool = new ArrayBlockingQueue<>(BankSite.CONNECTIONS);
    PGXADataSource driver = database.configure(new PGXADataSource());
    for (int i = 0; i < BankSite.CONNECTIONS; i++) {
      pool.add(driver.getXAConnection());
    }
    return pool;
  }

  @Override
  public boolean transfer(int account) throws Exception {
    XAConnection from = first.take();
    XAConnection to = second.take();
    try {
      manager.begin();
      try {
        change(from, account, -1);
        change(to, account, 1);
      } catch (Exception e) {
        manager.rollback();
        throw e;
      }
      manager.commit();
      return true;
    } finally {
      first.add(from);
      second.add(to);
    }
  }

  private void change(XAConnection database, int account, int amount) throws Exception {
    manager.getTransaction().enlistResource(database.getXAResource());
    try (java.sql.Connection connection = database.getConnection()) {
      Accounts.add(connection, account, amount);
    }
  }

  @Override
  public void close() {
    close(first);
    close(second);
  }

  private static void close(BlockingQueue<XAConnection> pool) {
    for (XAConnection connection : pool) {
      try {
        connection.close();
      } catch (SQLException e) {
        throw new BenchmarkException("Could not close: " + e.getMessage(), e);
      }
    }
  }
}
