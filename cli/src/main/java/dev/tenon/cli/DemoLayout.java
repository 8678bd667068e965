package dev.tenon.cli;

import dev.tenon.testing.database.Database;
import java.util.List;
import java.util.Map;

/**
 * What a demo consists of.
 *
 * @param servers how many PostgreSQL servers there are
 * @param instances which processes there are, given the databases by service
 * @param patience how long the demo waits for their answers
 */
record DemoLayout(DemoPostgres.Servers servers, Instances instances, ServiceApi.Patience patience) {

  /** Which processes there are. */
  interface Instances {
    List<ServiceInstance> over(Map<String, Database> databases);
  }

  /** One instance of each service; ports: one each for users, then one each for services. */
  static DemoLayout single(List<Integer> ports) {
    return new DemoLayout(
        DemoPostgres.Servers.ONE_FOR_ALL,
        databases -> ServiceInstance.single(ports, databases),
        ServiceApi.Patience.USUAL);
  }
}
