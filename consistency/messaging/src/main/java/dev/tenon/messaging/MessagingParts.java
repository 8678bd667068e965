package dev.tenon.messaging;

import dev.tenon.messaging.spi.FeedTransport;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.spi.TenonTables;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import javax.sql.DataSource;

/**
 * What the parts of one messaging share.
 *
 * @param instance the id of this process among the instances of the service
 */
record MessagingParts(
    UUID instance,
    Transactions transactions,
    TenonTables tables,
    Map<String, Topic> topics,
    Map<String, Subscription> subscriptions,
    Optional<FeedTransport> transport,
    Optional<String> address,
    MessagingConfig config,
    TenonRuntime runtime,
    MessagingMetrics metrics) {

  String service() {
    return transactions.database().service();
  }

  /** Connections on which each statement commits by itself. */
  DataSource dataSource() {
    return Sql.autoCommitting(transactions.database().dataSource());
  }
}
