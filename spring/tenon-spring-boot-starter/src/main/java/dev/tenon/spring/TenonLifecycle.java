package dev.tenon.spring;

import dev.tenon.global.GlobalTransactions;
import dev.tenon.messaging.Messaging;
import dev.tenon.transport.PortService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.context.SmartLifecycle;

/**
 * Starts delivery once everything else runs, and drains it before anything else stops: first others
 * stop reading and calling, then distributed transactions and messages in progress commit and
 * leases are released, then connections end.
 */
final class TenonLifecycle implements SmartLifecycle {
  private static final Logger log = LoggerFactory.getLogger(TenonLifecycle.class);

  private final String service;
  private final Messaging messaging;
  private final TenonNetwork network;
  private final ObjectProvider<PortService> services;
  private final ObjectProvider<GlobalTransactions> global;
  private volatile boolean running;

  TenonLifecycle(
      String service,
      Messaging messaging,
      TenonNetwork network,
      ObjectProvider<PortService> services,
      ObjectProvider<GlobalTransactions> global) {
    this.service = service;
    this.messaging = messaging;
    this.network = network;
    this.services = services;
    this.global = global;
  }

  @Override
  public void start() {
    messaging.start();
    network.serve(messaging.feedSource(), services.orderedStream().toList());
    global.ifAvailable(GlobalTransactions::start);
    running = true;
    log.atInfo()
        .addKeyValue("service", service)
        .addKeyValue("address", network.address().orElse("none"))
        .log("Tenon started");
  }

  @Override
  public void stop() {
    network.drain();
    global.ifAvailable(GlobalTransactions::close);
    messaging.close();
    network.close();
    running = false;
    log.atInfo().addKeyValue("service", service).log("Tenon drained");
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  @Override
  public int getPhase() {
    return DEFAULT_PHASE; // the last to start, the first to stop: before the web server's drain
  }
}
