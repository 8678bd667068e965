package dev.tenon.cli;

import dev.tenon.testing.database.Database;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The services of a torture and the network between them: every Tenon port is reached through a
 * proxy, one for each pair of a caller and a callee. Two instances of {@code order} share its
 * database.
 */
final class TortureNetwork implements AutoCloseable {
  /** Who calls or reads whom through a proxy. */
  private static final Map<String, List<String>> CALLEES =
      Map.of(
          "order", List.of("user", "inventory", "payment"),
          "inventory", List.of("order"),
          "payment", List.of("order"));

  private static final ServiceApi.Patience PATIENCE =
      new ServiceApi.Patience(Duration.ofMinutes(5), Duration.ofSeconds(8));

  private final DemoHome home;
  private final Map<String, Integer> ports = new LinkedHashMap<>();
  private final Map<String, Integer> tenonPorts = new LinkedHashMap<>();
  private final Map<List<String>, TcpProxy> proxies = new HashMap<>();

  private TortureNetwork(DemoHome home) {
    this.home = home;
  }

  static TortureNetwork open(DemoHome home) {
    TortureNetwork network = new TortureNetwork(home);
    List<List<String>> pairs = network.pairs();
    int count = TortureSchedule.INSTANCES.size();
    List<Integer> free = Ports.free(2 * count + pairs.size());
    for (int i = 0; i < count; i++) {
      String instance = TortureSchedule.INSTANCES.get(i);
      network.ports.put(instance, free.get(i));
      network.tenonPorts.put(instance, free.get(count + i));
    }
    boolean done = false;
    try {
      for (int i = 0; i < pairs.size(); i++) {
        List<String> pair = pairs.get(i);
        int target = network.tenonPorts.getOrDefault(pair.get(1), 0);
        network.proxies.put(pair, TcpProxy.open(free.get(2 * count + i), target));
      }
      done = true;
    } finally {
      if (!done) {
        network.close();
      }
    }
    return network;
  }

  /** Callers and callees, by instances. */
  private List<List<String>> pairs() {
    List<List<String>> pairs = new ArrayList<>();
    for (String caller : TortureSchedule.INSTANCES) {
      for (String callee : CALLEES.getOrDefault(ServiceInstance.service(caller), List.of())) {
        instances(callee).forEach(instance -> pairs.add(List.of(caller, instance)));
      }
    }
    return pairs;
  }

  private static List<String> instances(String service) {
    return TortureSchedule.INSTANCES.stream()
        .filter(instance -> ServiceInstance.service(instance).equals(service))
        .toList();
  }

  DemoLayout layout() {
    return new DemoLayout(DemoPostgres.Servers.ONE_EACH, this::instances, PATIENCE);
  }

  private List<ServiceInstance> instances(Map<String, Database> databases) {
    List<ServiceInstance> all = new ArrayList<>();
    ports.forEach(
        (instance, port) -> {
          Database database = databases.get(ServiceInstance.service(instance));
          if (database != null) {
            all.add(
                new ServiceInstance(
                    instance,
                    ServiceInstance.service(instance),
                    port,
                    tenonPorts.getOrDefault(instance, 0),
                    database,
                    addresses(instance),
                    Map.of("tenon.clock-offset-file", clock(instance).toString())));
          }
        });
    return all;
  }

  private Map<String, List<String>> addresses(String caller) {
    Map<String, List<String>> addresses = new LinkedHashMap<>();
    for (String service : CALLEES.getOrDefault(ServiceInstance.service(caller), List.of())) {
      List<String> all = new ArrayList<>();
      for (String callee : instances(service)) {
        TcpProxy proxy = proxies.get(List.of(caller, callee));
        if (proxy != null) {
          all.add(ServiceInstance.address(proxy.port()));
        }
      }
      addresses.put(service, all);
    }
    return addresses;
  }

  /** The file that says by how much an instance's clock is wrong. */
  Path clock(String instance) {
    return home.data().resolve("clocks").resolve(instance);
  }

  /** Changes the network between all instances of two services, for calls of one to the other. */
  void become(String caller, String callee, TcpProxy.Way way) {
    proxies.forEach(
        (pair, proxy) -> {
          if (ServiceInstance.service(pair.get(0)).equals(caller)
              && ServiceInstance.service(pair.get(1)).equals(callee)) {
            proxy.become(way);
          }
        });
  }

  @Override
  public void close() {
    Collection<TcpProxy> open = List.copyOf(proxies.values());
    open.forEach(TcpProxy::close);
  }
}
