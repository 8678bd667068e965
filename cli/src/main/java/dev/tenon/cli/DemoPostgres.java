package dev.tenon.cli;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresServer;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * PostgreSQL with a database and login for each service, durable: one server for all, or a server
 * for each service, so that one can be killed while the others go on.
 */
final class DemoPostgres implements AutoCloseable {
  private final Map<String, PostgresServer> servers = new LinkedHashMap<>();

  private DemoPostgres() {}

  /** How the services' databases are spread. */
  enum Servers {
    ONE_FOR_ALL,
    ONE_EACH
  }

  /** Starts the server, or the servers; what was started is ended if one does not start. */
  static DemoPostgres start(DemoHome home, Servers spread) {
    DemoPostgres postgres = new DemoPostgres();
    boolean done = false;
    try {
      postgres.startAll(home, spread);
      done = true;
    } finally {
      if (!done) {
        postgres.close();
      }
    }
    return postgres;
  }

  private void startAll(DemoHome home, Servers spread) {
    switch (spread) {
      case ONE_FOR_ALL -> {
        PostgresServer shared =
            PostgresServer.builder().dataDirectory(home.postgres()).durable().start();
        DemoHome.SERVICES.forEach(service -> servers.put(service, shared));
      }
      case ONE_EACH -> {
        for (String service : DemoHome.SERVICES) {
          servers.put(
              service,
              PostgresServer.builder()
                  .dataDirectory(home.postgres(service))
                  .durable()
                  .setting("max_connections", "60")
                  .setting("max_wal_size", "128MB")
                  .start());
        }
      }
    }
  }

  /** Makes a new database for each service; what an earlier demo left is dropped. */
  Map<String, Database> databases() {
    Map<String, Database> databases = new LinkedHashMap<>();
    servers.forEach(
        (service, server) -> {
          server.dropDatabase(new Database(service, server.url(service), service, ""));
          databases.put(service, server.createDatabase(service));
        });
    return databases;
  }

  /** The server of a service's database. */
  PostgresServer of(String service) {
    PostgresServer server = servers.get(service);
    if (server == null) {
      throw new IllegalArgumentException(
          "service: " + service + " (expected: one of " + servers.keySet() + ")");
    }
    return server;
  }

  /** For people: the version, and where it listens. */
  String text() {
    Set<String> ports = new LinkedHashSet<>();
    servers.values().forEach(server -> ports.add(Integer.toString(server.port())));
    return "PostgreSQL %s on port %s"
        .formatted(servers.values().iterator().next().version(), String.join(", ", ports));
  }

  @Override
  public void close() {
    List.copyOf(servers.values()).reversed().forEach(PostgresServer::close);
  }
}
