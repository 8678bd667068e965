package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine.Command;

/** What goes wrong around a demo is told in one sentence. */
class FailuresTest {

  @Test
  void namesAPortThatIsInUse() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = taken.getLocalPort();

      assertThatThrownBy(() -> Ports.from(port, 1))
          .isInstanceOf(CliException.class)
          .hasMessage(
              "Could not take a port [port=%d]: another process uses it.".formatted(port)
                  + " Stop that process, or name another with --port.");
    }
  }

  @Test
  void findsAsManyPortsAsAreAskedFor() {
    assertThat(Ports.free(8)).hasSize(8).doesNotHaveDuplicates();
  }

  @Test
  void saysThatTheDiskIsFull(@TempDir Path directory) {
    DemoHome home = DemoHome.of(directory);

    assertThatThrownBy(() -> Demo.checkDisk(home, 5 << 20))
        .isInstanceOf(CliException.class)
        .hasMessageContaining("the disk is full, 5 MiB are free and 500 are needed");
  }

  @Test
  void saysThatAServiceIsNotBuilt(@TempDir Path directory) {
    assertThatThrownBy(() -> DemoHome.of(directory).jar("order"))
        .isInstanceOf(CliException.class)
        .hasMessageContaining("[service=order")
        .hasMessageContaining("it is not built");
  }

  @Test
  void takesTheReasonOfAServiceFromItsLog() {
    assertThat(
            ServiceProcess.reason(
                List.of(
                    "APPLICATION FAILED TO START",
                    "",
                    "Description:",
                    "",
                    "Port 8080 was already in use.",
                    "",
                    "Action:",
                    "",
                    "Stop it.")))
        .isEqualTo("Port 8080 was already in use");
    assertThat(
            ServiceProcess.reason(
                List.of(
                    "java.lang.IllegalStateException: outer",
                    "Caused by: a.B: middle",
                    "\tat x",
                    "Caused by: a.C: password authentication failed for user \"order\"",
                    "\tat y")))
        .isEqualTo("a.C: password authentication failed for user \"order\"");
    assertThat(ServiceProcess.reason(List.of())).isEqualTo("it ended by itself");
  }

  @Test
  void answersTwoAndOneSentenceWhenAFileIsMissing() {
    String told =
        toldOnStandardError(
            () ->
                assertThat(Main.run("demo", "--once", "--orders", "/nowhere/orders.csv"))
                    .isEqualTo(Main.FAILED));

    assertThat(told.lines()).singleElement().asString().contains("/nowhere/orders.csv");
  }

  @Test
  void repeatsWhatIsUnavailableAndShowsWhatFailed() throws Exception {
    Queue<Integer> statuses = new ConcurrentLinkedQueue<>(List.of(503, 502, 504, 200, 500));
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(statuses.remove(), -1);
          exchange.close();
        });
    server.start();
    String url = "http://127.0.0.1:" + server.getAddress().getPort();
    try (ServiceApi api = new ServiceApi(Map.of("user", List.of(url)), ServiceApi.Patience.USUAL)) {
      api.post("user", "/users", List.of(), Set.of(200));

      assertThat(api.repeats()).isEqualTo(3);
      assertThatThrownBy(() -> api.post("user", "/users", List.of(), Set.of(200)))
          .isInstanceOf(CliException.class)
          .hasMessageContaining("[service=user, request=/users, status=500]");
      assertThat(statuses).isEmpty();
    } finally {
      server.stop(0);
    }
  }

  @Test
  void answersTwoAndTheFileWithTheStackTraceWhenSomethingIsBroken(@TempDir Path directory) {
    System.setProperty("tenon.data", directory.toString());
    String told;
    try {
      told =
          toldOnStandardError(
              () -> {
                assertThat(Main.run(new Broken(new IllegalStateException("the lane is closed"))))
                    .isEqualTo(Main.FAILED);
                assertThat(Main.run(new Broken(new StackOverflowError()))).isEqualTo(Main.FAILED);
              });
    } finally {
      System.clearProperty("tenon.data");
    }

    assertThat(told.lines()).hasSize(2);
    assertThat(told)
        .startsWith("Could not run the command [command=]: java.lang.IllegalStateException: the")
        .contains(directory.resolve("logs/cli.log").toString());
    assertThat(directory.resolve("logs/cli.log"))
        .content()
        .contains("the lane is closed")
        .contains("StackOverflowError")
        .contains("at dev.tenon.cli.");
  }

  private static String toldOnStandardError(Runnable work) {
    PrintStream before = System.err;
    ByteArrayOutputStream told = new ByteArrayOutputStream();
    System.setErr(new PrintStream(told, true, StandardCharsets.UTF_8));
    try {
      work.run();
    } finally {
      System.setErr(before);
    }
    return told.toString(StandardCharsets.UTF_8);
  }

  @Command
  private record Broken(Throwable failure) implements Callable<Integer> {
    @Override
    public Integer call() throws Exception {
      if (failure instanceof Error error) {
        throw error;
      }
      throw (Exception) failure;
    }
  }
}
