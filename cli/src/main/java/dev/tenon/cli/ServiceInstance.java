package dev.tenon.cli;

import static java.util.Objects.requireNonNull;

import dev.tenon.testing.database.Database;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An instance of a service, as it is to be started.
 *
 * @param name of this instance: its service's name, if there is one only
 * @param port for its users
 * @param tenonPort for other services
 * @param addresses where it finds the Tenon ports of each other service
 * @param settings more of its settings
 */
record ServiceInstance(
    String name,
    String service,
    int port,
    int tenonPort,
    Database database,
    Map<String, List<String>> addresses,
    Map<String, String> settings) {
  private static final String LOOPBACK = "127.0.0.1";

  ServiceInstance {
    addresses = Map.copyOf(addresses);
    settings = Map.copyOf(settings);
  }

  /** One instance of each service. Ports: one each for users, then one each for services. */
  static List<ServiceInstance> single(List<Integer> ports, Map<String, Database> databases) {
    int count = DemoHome.SERVICES.size();
    Map<String, List<String>> addresses = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      addresses.put(DemoHome.SERVICES.get(i), List.of(address(ports.get(count + i))));
    }
    List<ServiceInstance> instances = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String name = DemoHome.SERVICES.get(i);
      Map<String, List<String>> others = new LinkedHashMap<>(addresses);
      others.remove(name);
      Database database = requireNonNull(databases.get(name), name);
      instances.add(
          new ServiceInstance(
              name, name, ports.get(i), ports.get(count + i), database, others, Map.of()));
    }
    return instances;
  }

  /** The service of an instance, by the names of both. */
  static String service(String instance) {
    return instance.replaceFirst("-\\d+$", "");
  }

  /** A port on the loopback address. */
  static String address(int port) {
    return LOOPBACK + ":" + port;
  }

  String url() {
    return "http://" + address(port);
  }

  /** Its process, not yet started. */
  ServiceProcess process(DemoHome home, BigDecimal chargeLimit) {
    List<String> arguments = new ArrayList<>();
    arguments.add("--server.address=" + LOOPBACK);
    arguments.add("--server.port=" + port);
    arguments.add("--tenon.port=" + tenonPort);
    arguments.add("--management.endpoint.health.show-details=always"); // on loopback
    arguments.add("--tenon.keys.directory=" + DemoKeys.directory(home, service));
    addresses.forEach(
        (other, all) -> arguments.add("--tenon.addresses." + other + "=" + String.join(",", all)));
    if (service.equals("payment")) {
      arguments.add("--quickstart.charge-limit=" + chargeLimit.toPlainString());
    }
    settings.forEach((setting, value) -> arguments.add("--" + setting + "=" + value));
    arguments.add("--spring.datasource.url=" + database.jdbcUrl());
    arguments.add("--spring.datasource.username=" + database.user());
    Map<String, String> environment = Map.of("SPRING_DATASOURCE_PASSWORD", database.password());
    UnpackedApp app = UnpackedApp.of(home.jar(service), home.apps().resolve(service));
    return new ServiceProcess(name, app, home.log(name), arguments, environment);
  }
}
