package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
    assertThat(Main.run("demo", "--once", "--orders", "/nowhere/orders.csv"))
        .isEqualTo(Main.FAILED);
  }
}
