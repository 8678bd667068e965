package dev.tenon.bench;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Seata's coordinators, by their store: {@code file}, which writes late, as by its defaults, and
 * {@code db}, in a database of the same server as all else. Not thread-safe.
 */
final class SeataServers implements AutoCloseable {
  static final String DATABASE = "seata_store";

  private static final String LIBRARIES = "seata-server";

  private final BankSites sites;
  private final Path directory;
  private final Map<String, Coordinator> coordinators = new HashMap<>();

  private record Coordinator(BankProcess process, int port) {}

  SeataServers(BankSites sites, Path directory) {
    this.sites = sites;
    this.directory = directory;
  }

  /** The port of the coordinator with a store; starts it if need be. */
  int port(String store) throws IOException {
    Coordinator running = coordinators.get(store);
    if (running == null) {
      running = start(store);
      coordinators.put(store, running);
    }
    return running.port();
  }

  /** What it has used so far. */
  BankSample.Usage usage(String store) throws IOException {
    Coordinator running = Optional.ofNullable(coordinators.get(store)).orElseThrow();
    return BankSample.Usage.parse(running.process().ask("usage"));
  }

  private Coordinator start(String store) throws IOException {
    int port = freePort();
    List<String> options = new ArrayList<>();
    options.add("--add-opens=java.base/java.lang=ALL-UNNAMED");
    set(options, "org.springframework.boot.logging.LoggingSystem", "none");
    set(options, "logging.file.path", directory.toString());
    set(options, "server.port", Integer.toString(freePort()));
    set(options, "seata.server.service-port", Integer.toString(port));
    set(options, "seata.store.mode", store);
    if (store.equals("db")) {
      BankDatabase database = sites.store(DATABASE);
      set(options, "seata.store.db.datasource", "druid");
      set(options, "seata.store.db.db-type", "postgresql");
      set(options, "seata.store.db.driver-class-name", "org.postgresql.Driver");
      set(options, "seata.store.db.url", counted(database.url()));
      set(options, "seata.store.db.user", database.user());
      set(options, "seata.store.db.password", database.password());
      set(options, "seata.store.db.min-conn", "10");
      set(options, "seata.store.db.max-conn", "100");
    } else {
      set(options, "seata.store.file.dir", directory.resolve("sessions").toString());
    }
    BankProcess process =
        BankProcess.start(
            "seata's coordinator",
            LIBRARIES,
            directory.resolve("seata-" + store + ".log"),
            options,
            SeataMain.class,
            List.of());
    return new Coordinator(process.await(), port);
  }

  private static String counted(String url) {
    return url
        + (url.contains("?") ? "&" : "?")
        + "socketFactory="
        + CountingSocketFactory.class.getName()
        + "&socketFactoryArg="
        + BankDatabase.COUNTER;
  }

  private static void set(List<String> options, String name, String value) {
    options.add("-D" + name + "=" + value);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  @Override
  public void close() {
    coordinators.values().forEach(coordinator -> coordinator.process().close());
  }
}
