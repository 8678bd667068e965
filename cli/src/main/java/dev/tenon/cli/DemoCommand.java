package dev.tenon.cli;

import dev.tenon.runtime.Json;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./tenon demo}. */
@Command(
    name = "demo",
    description =
        "Starts PostgreSQL and four services, feeds them orders, kills each of them once, and"
            + " audits the result. Orders are placed by messages, as sagas, by TCC, AT and XA, and"
            + " by all of them mixed, in turn.")
final class DemoCommand implements Callable<Integer> {
  /** The status of what Ctrl-C ends. */
  private static final int INTERRUPTED = 130;

  @Option(names = "--once", description = "End after the audit; status 1 if it finds a difference.")
  private boolean once;

  @Option(names = "--json", description = "Print the audit as JSON, and nothing else, on stdout.")
  private boolean json;

  @Option(
      names = "--orders",
      paramLabel = "FILE",
      description = "An Online Retail file (CSV); without it, a small generated set.")
  private @Nullable Path orders;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      description = "The first of eight ports that follow one another; without it, free ones.")
  private @Nullable Integer port;

  @Override
  public Integer call() throws InterruptedException {
    DemoHome home = DemoHome.here();
    OrderSource source = orders == null ? OrderSource.GENERATED : OrderSource.of(orders);
    Progress progress = Progress.onStderr();
    int count = 2 * DemoHome.SERVICES.size();
    List<Integer> ports = port == null ? Ports.free(count) : Ports.from(port, count);
    try (Demo demo = new Demo(home, source, progress)) {
      Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(demo::close));
      return run(demo, ports, progress);
    } finally {
      progress.end();
    }
  }

  private int run(Demo demo, List<Integer> ports, Progress progress) throws InterruptedException {
    try {
      DemoServices services = demo.start(DemoLayout.single(ports));
      Kills kills = DemoRun.run(demo.input(), services, progress);
      AuditReport report = demo.audit();
      progress.end();
      System.out.println(json ? json(report, kills, services) : text(report, kills));
      if (once) {
        return report.consistent() ? 0 : 1;
      }
      if (!json) {
        System.out.println(NextSteps.text(demo.input(), services));
      }
      System.out.flush();
      new CountDownLatch(1).await();
      return 0;
    } catch (RuntimeException e) {
      if (demo.ended()) {
        return INTERRUPTED;
      }
      throw e;
    }
  }

  private static String json(AuditReport report, Kills kills, DemoServices services) {
    Map<String, Object> json = new LinkedHashMap<>(report.json());
    json.put("kills", kills.json());
    json.put("notKilled", kills.missing(DemoHome.SERVICES));
    json.put("modesNotKilled", kills.missingModes());
    json.put("urls", services.urls());
    return Json.mapper().writeValueAsString(json);
  }

  private static String text(AuditReport report, Kills kills) {
    String end = System.lineSeparator();
    return end + kills.text() + end + report.text();
  }
}
