package dev.tenon.global;

import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.XidSigner;
import dev.tenon.messaging.Messaging;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.spi.TenonTables;
import javax.sql.DataSource;

/**
 * What the parts of one service's distributed transactions share.
 *
 * @param databaseClock the clock of the service's database, in SQL
 */
record GlobalParts(
    Transactions transactions,
    Messaging messaging,
    TenonTables tables,
    GlobalTransport transport,
    XidSigner signer,
    GlobalConfig config,
    TenonRuntime runtime,
    GlobalMetrics metrics,
    String databaseClock) {

  String service() {
    return transactions.database().service();
  }

  DataSource dataSource() {
    return transactions.database().dataSource();
  }
}
