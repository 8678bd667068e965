package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.transport.ServiceIdentity;
import dev.tenon.transport.TlsFiles;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CertsCommandIT {
  private final PrintStream out = System.out;
  private final PrintStream err = System.err;
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

  @TempDir private Path directory;

  @BeforeEach
  void listen() {
    PrintStream both = new PrintStream(printed, true, StandardCharsets.UTF_8);
    System.setOut(both);
    System.setErr(both);
  }

  @AfterEach
  void stopListening() {
    System.setOut(out);
    System.setErr(err);
  }

  private int generate(String... more) {
    String[] arguments = new String[4 + more.length];
    arguments[0] = "certs";
    arguments[1] = "generate";
    arguments[2] = "--directory";
    arguments[3] = directory.toString();
    System.arraycopy(more, 0, arguments, 4, more.length);
    return Main.run(arguments);
  }

  @Test
  void makesWhatServicesTakeAndSaysWhatToSet() {
    assertThat(generate("order", "inventory")).isZero();

    assertThat(printed.toString(StandardCharsets.UTF_8))
        .contains("order.cert.pem", "inventory.key.pem", "tenon.tls.directory=" + directory);
    for (String service : new String[] {"order", "inventory"}) {
      ServiceIdentity identity =
          ServiceIdentity.certified(service, TlsFiles.in(directory, service));
      assertThat(identity.isDevelopment()).isFalse();
    }
  }

  @Test
  void replacesNothingUnlessTold() throws Exception {
    assertThat(generate("order")).isZero();
    String before = Files.readString(directory.resolve("order.cert.pem"));

    assertThat(generate("user", "order")).isEqualTo(Main.FAILED);
    assertThat(printed.toString(StandardCharsets.UTF_8))
        .contains("[services=order]", "nothing was changed. Add --renew to replace them.");
    assertThat(directory.resolve("user.cert.pem")).doesNotExist();
    assertThat(Files.readString(directory.resolve("order.cert.pem"))).isEqualTo(before);
    assertThat(generate("--renew", "--days", "7", "order")).isZero();
    assertThat(Files.readString(directory.resolve("order.cert.pem"))).isNotEqualTo(before);
  }

  @Test
  void changesTheAuthorityByOverlap() throws Exception {
    assertThat(generate("order")).isZero();

    assertThat(Main.run("certs", "change-authority", "--directory", directory.toString())).isZero();
    assertThat(Files.readString(directory.resolve("ca.cert.pem")).split("BEGIN CERTIFICATE"))
        .hasSize(3);
  }
}
