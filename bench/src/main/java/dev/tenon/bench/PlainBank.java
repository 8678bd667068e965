package dev.tenon.bench;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.SQLException;

/** The reference: a local commit in one database, then one in the other, and no more. */
record PlainBank(HikariDataSource first, HikariDataSource second) implements Bank {

  static Bank open(BankSite site) {
    return new PlainBank(
        site.first().pool(BankSite.CONNECTIONS), site.second().pool(BankSite.CONNECTIONS));
  }

  @Override
  public boolean transfer(int account) throws SQLException {
    Accounts.commit(first, Accounts::add, account, -1);
    Accounts.commit(second, Accounts::add, account, 1);
    return true;
  }

  @Override
  public void close() {
    first.close();
    second.close();
  }
}
