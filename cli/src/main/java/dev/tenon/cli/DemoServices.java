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

/** The instances of the demo's services, each a process beside its service's own database. */
final class DemoServices {
  /** How long a service may take until it is ready. */
  static final Duration READY_MAX = Duration.ofSeconds(120);

  /** How long all of them together may take to their end. */
  static final Duration END_MAX = Duration.ofSeconds(10);

  private static final int POLL_MILLIS = 100;

  private final DemoHome home;
  private final OrderSource source;
  private final BigDecimal chargeLimit;
  private final Map<String, Unit> units = new LinkedHashMap<>();
  private final ServiceApi api;

  /** An instance and its process. */
  private record Unit(ServiceInstance instance, ServiceProcess process) {}

  /** Prepares processes, with names of their own; none runs yet. */
  DemoServices(
      DemoHome home,
      OrderSource source,
      BigDecimal chargeLimit,
      List<ServiceInstance> instances,
      ServiceApi.Patience patience) {
    this.home = home;
    this.source = source;
    this.chargeLimit = chargeLimit;
    Map<String, List<String>> urls = new LinkedHashMap<>();
    for (ServiceInstance instance : instances) {
      units.put(instance.name(), new Unit(instance, instance.process(home, chargeLimit)));
      urls.computeIfAbsent(instance.service(), service -> new ArrayList<>()).add(instance.url());
    }
    this.api = new ServiceApi(urls, patience);
  }

  ServiceApi api() {
    return api;
  }

  /** Where users reach each instance, in the order of the instances. */
  Map<String, String> urls() {
    Map<String, String> urls = new LinkedHashMap<>();
    units.forEach((name, unit) -> urls.put(name, unit.instance.url()));
    return urls;
  }

  String url(String name) {
    return unit(name).instance.url();
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
    awaitReady(List.copyOf(units.keySet()), progress);
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

  boolean alive(String name) {
    return process(name).alive();
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
        if (api.ready(url(service))) {
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
      Database database = unit.instance.database();
      up.put(
          unit.instance.name(),
          new DemoState.Service(
              unit.instance.url(),
              unit.instance.tenonPort(),
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
          "service: " + service + " (expected: one of " + units.keySet() + ")");
    }
    return unit;
  }
}
