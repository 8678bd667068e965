package dev.tenon.cli;

import dev.tenon.runtime.Json;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./tenon audit}. */
@Command(
    name = "audit",
    description = "Audits the demo that is up once more; status 1 if it finds a difference.")
final class AuditCommand implements Callable<Integer> {
  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() {
    DemoState state = DemoState.require(DemoHome.here());
    AuditReport report = Demo.audit(new OrderSource(state.orders()).read(), state.logins());
    System.out.println(json ? Json.mapper().writeValueAsString(report.json()) : report.text());
    return report.consistent() ? 0 : 1;
  }
}
