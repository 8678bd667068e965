package dev.tenon.bench;

import com.zaxxer.hikari.HikariDataSource;
import dev.dbos.transact.DBOS;
import dev.dbos.transact.config.DBOSConfig;
import dev.dbos.transact.workflow.Workflow;
import java.sql.SQLException;

/**
 * A workflow of DBOS with three steps, each of them a local commit; called, and waited for. Its own
 * tables are in a third database.
 */
final class DbosBank implements Bank {
  private final DBOS dbos;
  private final HikariDataSource own;
  private final HikariDataSource first;
  private final HikariDataSource second;
  private final Transfer transfer;

  /** What DBOS makes durable. */
  interface Transfer {
    void run(int account) throws SQLException;
  }

  /** Its code. Public, as DBOS calls it by reflection. */
  public static final class Steps implements Transfer {
    private final DBOS dbos;
    private final HikariDataSource first;
    private final HikariDataSource second;

    Steps(DBOS dbos, HikariDataSource first, HikariDataSource second) {
      this.dbos = dbos;
      this.first = first;
      this.second = second;
    }

    @Override
    @Workflow
    public void run(int account) throws SQLException {
      dbos.runStep(() -> Accounts.commit(first, Accounts::add, account, -2), "take");
      dbos.runStep(() -> Accounts.commit(second, Accounts::add, account, 1), "give");
      dbos.runStep(() -> Accounts.commit(first, Accounts::add, account, 1), "return");
    }
  }

  private DbosBank(BankSite site) {
    own = site.own().pool(BankSite.CONNECTIONS);
    first = site.first().pool(BankSite.CONNECTIONS);
    second = site.second().pool(BankSite.CONNECTIONS);
    dbos = new DBOS(DBOSConfig.defaults("bench").withDataSource(own));
    transfer = dbos.registerProxy(Transfer.class, new Steps(dbos, first, second));
    dbos.launch();
  }

  static Bank open(BankSite site) {
    return new DbosBank(site);
  }

  @Override
  public boolean transfer(int account) throws SQLException {
    transfer.run(account);
    return true;
  }

  @Override
  public void close() {
    dbos.shutdown();
    first.close();
    second.close();
    own.close();
  }
}
