package dev.tenon.cli;

import dev.tenon.testing.database.Database;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The four services of the demo, each a process beside its own database. Not thread-safe. */
final class DemoServices {
  /** How long a service may take until it is ready. */
  static final Duration READY_MAX = Duration.ofSeconds(120);

  /** How long all of them together may take to their end. */
  static final Duration END_MAX = Duration.ofSeconds(10);

  private static final int POLL_MILLIS = 100;
  private static final String LOOPBACK = "127.0.0.1";

  private final DemoHome home;
  private final OrderSource source;
  private final BigDecimal chargeLimit;
  private final Map<String, Unit> units = new LinkedHashMap<>();
  private final ServiceApi api;

  /**
   * A service with what belongs to it.
   *
   * @param port for its users
   * @param tenonPort for other services
   */
  private record Unit(
      String name, int port, int tenonPort, Database database, ServiceProcess process) {

    String url() {
      return "http://" + LOOPBACK + ":" + port;
    }
  }

  /**
   * Prepares processes; none runs yet.
   *
   * @param ports two for each service: one each for users, then one each for services
   * @param databases in the order of {@link DemoHome#SERVICES}
   */
  DemoServices(
      DemoHome home,
      OrderSource source,
      BigDecimal chargeLimit,
      List<Integer> ports,
      List<Database> databases) {
    this.home = home;
    this.source = source;
    this.chargeLimit = chargeLimit;
    int count = DemoHome.SERVICES.size();
    Map<String, String> addresses = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      addresses.put(DemoHome.SERVICES.get(i), LOOPBACK + ":" + ports.get(count + i));
    }
    for (int i = 0; i < count; i++) {
      String name = DemoHome.SERVICES.get(i);
      Database database = databases.get(i);
      ServiceProcess process =
          process(name, ports.get(i), ports.get(count + i), database, addresses);
      units.put(name, new Unit(name, ports.get(i), ports.get(count + i), database, process));
    }
    this.api = new ServiceApi(urls());
  }

  private ServiceProcess process(
      String name, int port, int tenonPort, Database database, Map<String, String> addresses) {
    List<String> arguments = new ArrayList<>();
    arguments.add("--server.address=" + LOOPBACK);
    arguments.add("--server.port=" + port);
    arguments.add("--tenon.port=" + tenonPort);
    arguments.add("--management.endpoint.health.show-details=always"); // on loopback
    arguments.add("--tenon.keys.directory=" + DemoKeys.directory(home, name));
    addresses.forEach(
        (other, address) -> {
          if (!other.equals(name)) {
            arguments.add("--tenon.addresses." + other + "=" + address);
          }
        });
    if (name.equals("payment")) {
      arguments.add("--quickstart.charge-limit=" + chargeLimit.toPlainString());
    }
    arguments.add("--spring.datasource.url=" + database.jdbcUrl());
    arguments.add("--spring.datasource.username=" + database.user());
    Map<String, String> environment = Map.of("SPRING_DATASOURCE_PASSWORD", database.password());
    UnpackedApp app = UnpackedApp.of(home.jar(name), home.apps().resolve(name));
    return new ServiceProcess(name, app, home.log(name), arguments, environment);
  }

  ServiceApi api() {
    return api;
  }

  /** Where users reach each service, in the order of {@link DemoHome#SERVICES}. */
  Map<String, String> urls() {
    Map<String, String> urls = new LinkedHashMap<>();
    units.values().forEach(unit -> urls.put(unit.name, unit.url()));
    return urls;
  }

  String url(String service) {
    return unit(service).url();
  }

  /** Starts all of them side by side, and returns when all are ready. */
  void start(Progress progress) throws InterruptedException {
    try {
      Files.createDirectories(home.logs());
      for (Unit unit : units.values()) {
        ServiceProcess process = unit.process;
        Files.deleteIfExists(process.log());
      }
    } catch (IOException e) {
      throw new CliException(
          "Could not write logs [directory=%s]: %s.".formatted(home.logs(), e.getMessage()), e);
    }
    units.values().forEach(unit -> unit.process.start());
    state().write(home);
    awaitReady(DemoHome.SERVICES, progress);
  }

  /** {@code kill -9}. */
  void kill(String service) throws InterruptedException {
    process(service).kill();
  }

  /** Starts a killed one again on its ports; returns at once. */
  void startAgain(String service) {
    process(service).start();
    state().write(home);
  }

  /** Lets a service stand still until it is resumed or killed. */
  void pause(String service) throws InterruptedException {
    process(service).pause();
  }

  void resume(String service) throws InterruptedException {
    process(service).resume();
  }

  Path log(String service) {
    return process(service).log();
  }

  long pid(String service) {
    return process(service).pid();
  }

  /** Returns when all of them answer that they are ready. */
  void awaitReady(List<String> services, Progress progress) throws InterruptedException {
    long started = System.nanoTime();
    List<String> waiting = new ArrayList<>(services);
    while (!waiting.isEmpty()) {
      for (String service : List.copyOf(waiting)) {
        ServiceProcess process = process(service);
        if (!process.alive()) {
          throw process.ended();
        }
        if (api.ready(service)) {
          waiting.remove(service);
        }
      }
      long seconds = (System.nanoTime() - started) / 1_000_000_000;
      if (seconds > READY_MAX.toSeconds()) {
        throw new CliException(
            "Could not start services [services=%s]: not ready within %s. Read %s."
                .formatted(String.join(",", waiting), READY_MAX, home.logs()));
      }
      if (!waiting.isEmpty()) {
        progress.state("Waiting for " + String.join(", ", waiting) + ", " + seconds + " s");
        Thread.sleep(POLL_MILLIS);
      }
    }
  }

  /** The service that has ended by itself, as a sentence; nothing if all are up. */
  void checkAlive() {
    for (Unit unit : units.values()) {
      ServiceProcess process = unit.process;
      if (!process.alive()) {
        throw new CliException(
            "A service ended by itself [service=%s]. Read %s."
                .formatted(process.name(), process.log()));
      }
    }
  }

  DemoState state() {
    Map<String, DemoState.Service> up = new LinkedHashMap<>();
    for (Unit unit : units.values()) {
      Database database = unit.database;
      up.put(
          unit.name,
          new DemoState.Service(
              unit.url(),
              unit.tenonPort,
              unit.process.pid(),
              unit.process.started().toEpochMilli(),
              database.jdbcUrl(),
              database.user(),
              database.password(),
              unit.process.log().toString()));
    }
    return new DemoState(
        ProcessHandle.current().pid(), source.file(), chargeLimit.toPlainString(), up);
  }

  /** Ends all of them; those that do not come to an end in time are killed. */
  void end(Progress progress) throws InterruptedException {
    long started = System.nanoTime();
    List<ServiceProcess> waiting = new ArrayList<>();
    units.values().forEach(unit -> waiting.add(unit.process));
    waiting.forEach(ServiceProcess::terminate);
    api.close();
    while (!waiting.isEmpty()) {
      ServiceProcess first = waiting.getFirst();
      if (first.awaitEnd(Duration.ofMillis(POLL_MILLIS))) {
        waiting.removeFirst();
      } else if (System.nanoTime() - started > END_MAX.toNanos()) {
        first.kill();
      } else {
        progress.state(
            "Ending "
                + String.join(", ", waiting.stream().map(ServiceProcess::name).toList())
                + ", %d s".formatted((System.nanoTime() - started) / 1_000_000_000));
      }
    }
  }

  private ServiceProcess process(String service) {
    return unit(service).process;
  }

  private Unit unit(String service) {
    Unit unit = units.get(service);
    if (unit == null) {
      throw new IllegalArgumentException(
          "service: " + service + " (expected: one of " + DemoHome.SERVICES + ")");
    }
    return unit;
  }
}
