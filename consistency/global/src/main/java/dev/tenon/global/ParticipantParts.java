package dev.tenon.global;

import dev.tenon.global.spi.GlobalTransport;
import dev.tenon.global.spi.XidSigner;
import dev.tenon.messaging.Messaging;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.spi.TenonTables;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * What the parts of a participant share.
 *
 * @param transport how to ask starters; empty if the service can only be told
 * @param types the kinds of work whose branches this service can end
 * @param databases what XA branches may write to beside the service's own database
 * @param instance the id of this process among the instances of the service
 */
record ParticipantParts(
    Transactions transactions,
    Messaging messaging,
    GlobalConfig config,
    TenonRuntime runtime,
    MeterRegistry meters,
    XidSigner signer,
    Optional<GlobalTransport> transport,
    List<BranchType<?>> types,
    List<XaDatabase> databases,
    UUID instance) {
  ParticipantParts {
    types = List.copyOf(types);
    databases = List.copyOf(databases);
  }

  String service() {
    return transactions.database().service();
  }

  TenonTables tables() {
    return new TenonTables(transactions.database().tenonSchema());
  }

  Instant now() {
    return runtime.clock().instant();
  }
}
