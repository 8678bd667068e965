package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.tenon.grpc.GrpcChannels;
import dev.tenon.invocation.CallPolicy;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.spi.EndpointSource;
import dev.tenon.rest.RestClients;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.spring.greeter.GreeterGrpc;
import dev.tenon.spring.greeter.Greeting;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transport.ServiceClient;
import dev.tenon.transport.ServiceIdentity;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * A service of two instances is restarted, one instance after the other, while it is called all the
 * time. With {@code -Dtenon.rolling=full} as long and as hard as the promise says. Figures are
 * written to {@code target/rolling.txt}.
 */
class RollingRestartIT {
  private static final Duration START_MAX = Duration.ofMinutes(2);
  private static final int STOP_SECONDS_MAX = 60;
  private static final int WARM_UP = 1000;

  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  /** How long and how hard; the short form's calls may wait for a busy machine. */
  private enum Form {
    SHORT(1, 50, Duration.ofSeconds(5), Duration.ofSeconds(30)),
    FULL(3, 200, Duration.ofSeconds(60), CallPolicy.defaults().timeout());

    private final int rounds;
    private final int callsPerSecond;
    private final Duration atLeast;
    private final Duration timeout;

    Form(int rounds, int callsPerSecond, Duration atLeast, Duration timeout) {
      this.rounds = rounds;
      this.callsPerSecond = callsPerSecond;
      this.atLeast = atLeast;
      this.timeout = timeout;
    }
  }

  private final Form form =
      System.getProperty("tenon.rolling", "").equals("full") ? Form.FULL : Form.SHORT;
  private final Database database = postgres.freshDatabase("stock");
  private final JdbcClient jdbc = JdbcClient.create(postgres.dataSource(database));
  private final List<Instance> instances =
      List.of(
          new Instance("one", PublishingIT.freePort()),
          new Instance("two", PublishingIT.freePort()));

  @AfterEach
  void killAll() {
    instances.forEach(Instance::kill);
  }

  @Test
  void noCallFailsWhileTheInstancesAreRestartedOneAfterTheOther() throws Exception {
    for (Instance instance : instances) {
      instance.start();
      instance.awaitReady();
    }
    int unused = jdbc.sql("CREATE TABLE done (id text NOT NULL)").update();
    TenonRuntime runtime = TenonRuntime.system();
    List<String> addresses = instances.stream().map(Instance::address).toList();
    Calls calls =
        Calls.builder(EndpointSource.of(Map.of("stock", addresses)))
            .policy(CallPolicy.defaults().withTimeout(form.timeout))
            .runtime(runtime)
            .build();
    try (ServiceClient client =
        ServiceClient.builder(ServiceIdentity.development("shop"), calls).build()) {
      restart(
          rest(RestClients.of(client, runtime.ids())),
          grpc(GrpcChannels.builder(client).runtime(runtime).build()));
    }
  }

  private void restart(IntConsumer restCall, IntConsumer grpcCall) throws Exception {
    for (int i = -WARM_UP; i < 0; i++) { // nothing was asked of anybody so far
      restCall.accept(i);
      grpcCall.accept(i);
    }
    long start = System.nanoTime();
    try (PacedCalls rest = new PacedCalls("REST", form.callsPerSecond, restCall);
        PacedCalls grpc = new PacedCalls("gRPC", form.callsPerSecond, grpcCall)) {
      for (int round = 0; round < form.rounds; round++) {
        for (Instance instance : instances) {
          instance.restart();
        }
      }
      await()
          .pollDelay(Duration.ZERO)
          .atMost(START_MAX)
          .until(() -> System.nanoTime() - start >= form.atLeast.toNanos());
      int changes = WARM_UP / 2 + (rest.end() + 1) / 2 + WARM_UP + grpc.end();
      Files.writeString(
          Path.of("target", "rolling.txt"), rest.figures() + "\n" + grpc.figures() + "\n");

      assertThat(Stream.concat(rest.failures().stream(), grpc.failures().stream())).isEmpty();
      assertThat(count("SELECT count(*) FROM done")).isEqualTo(changes);
      assertThat(count("SELECT count(DISTINCT id) FROM done")).isEqualTo(changes);
    }
  }

  /** Looks and takes in turn. */
  private static IntConsumer rest(RestClients clients) {
    RollingService.StockApi stock = clients.client("stock", RollingService.StockApi.class);
    return number -> {
      if (number % 2 == 0) {
        stock.take(new RollingService.Take("rest-" + number));
      } else {
        stock.look("nut");
      }
    };
  }

  private static IntConsumer grpc(GrpcChannels channels) {
    GreeterGrpc.GreeterBlockingStub stub = GreeterGrpc.newBlockingStub(channels.channel("stock"));
    return number -> stub.greet(Greeting.newBuilder().setText("grpc-" + number).build());
  }

  private int count(String sql) {
    return jdbc.sql(sql).query(Integer.class).single();
  }

  /** One instance as a process of its own. */
  private final class Instance {
    private final String name;
    private final int port;
    private final List<Process> processes = new ArrayList<>();

    Instance(String name, int port) {
      this.name = name;
      this.port = port;
    }

    String address() {
      return "127.0.0.1:" + port;
    }

    /** As an orchestrator does it: the next one is next as soon as this one is ready. */
    void restart() throws Exception {
      Process process = processes.getLast();
      process.destroy();
      assertThat(process.waitFor(STOP_SECONDS_MAX, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isZero();
      start();
      awaitReady();
    }

    void start() throws IOException {
      List<String> command =
          List.of(
              Path.of(System.getProperty("java.home"), "bin", "java").toString(),
              "-Xmx256m",
              "-XX:TieredStopAtLevel=1",
              "-cp",
              System.getProperty("java.class.path"),
              RollingService.class.getName(),
              "--spring.datasource.url=" + database.jdbcUrl(),
              "--spring.datasource.username=" + database.user(),
              "--spring.datasource.password=" + database.password(),
              "--server.port=0",
              "--tenon.service=stock",
              "--tenon.dev=true",
              "--tenon.port=" + port);
      processes.add(
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(
                  ProcessBuilder.Redirect.appendTo(
                      Path.of("target", "rolling-" + name + ".log").toFile()))
              .start());
    }

    void awaitReady() {
      await().pollInterval(Duration.ofMillis(20)).atMost(START_MAX).until(this::ready);
    }

    private boolean ready() throws InterruptedException {
      assertThat(processes.getLast().isAlive()).as("target/rolling-%s.log", name).isTrue();
      HttpRequest health =
          HttpRequest.newBuilder(URI.create("http://" + address() + "/tenon/v1/health")).build();
      try (HttpClient http = HttpClient.newHttpClient()) {
        return http.send(health, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
      } catch (IOException e) {
        return false; // it does not listen yet
      }
    }

    void kill() {
      processes.forEach(Process::destroyForcibly);
    }
  }
}
