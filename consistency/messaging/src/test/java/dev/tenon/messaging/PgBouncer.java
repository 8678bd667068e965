package dev.tenon.messaging;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.Ports;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/** A PgBouncer before the databases of a test. */
final class PgBouncer implements AutoCloseable {
  private final Process process;
  private final int port;

  private PgBouncer(Process process, int port) {
    this.process = process;
    this.port = port;
  }

  static Optional<Path> executable() {
    return Stream.of("/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer")
        .map(Path::of)
        .filter(Files::isExecutable)
        .findFirst();
  }

  static PgBouncer start(Path directory, String mode, int serverPort, List<Database> databases)
      throws IOException {
    int port = Ports.free(new SecureRandom());
    StringBuilder lines = new StringBuilder("[databases]\n");
    StringBuilder users = new StringBuilder();
    for (Database database : databases) {
      lines.append("%s = host=127.0.0.1 port=%d%n".formatted(database.name(), serverPort));
      users.append("\"%s\" \"%s\"%n".formatted(database.user(), database.password()));
    }
    Path userList = write(directory, "users.txt", users.toString());
    lines.append(
        """
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = %d
        unix_socket_dir =
        auth_type = scram-sha-256
        auth_file = %s
        pool_mode = %s
        default_pool_size = 8
        max_client_conn = 200
        ignore_startup_parameters = extra_float_digits
        log_connections = 0
        log_disconnections = 0
        """
            .formatted(port, userList, mode));
    List<String> command = new ArrayList<>(List.of(executable().orElseThrow().toString()));
    if (System.getProperty("user.name").equals("root")) {
      command.addAll(List.of("-u", "nobody"));
    }
    command.add(write(directory, "pgbouncer.ini", lines.toString()).toString());
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    PgBouncer bouncer = new PgBouncer(process, port);
    Awaitility.await().atMost(Duration.ofSeconds(20)).until(bouncer::answers);
    return bouncer;
  }

  private static Path write(Path directory, String name, String text) throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path file = Files.writeString(directory.resolve(name), text);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
  }

  private boolean answers() {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  /** The same database, reached through here. */
  Database before(Database database, String parameters) {
    return new Database(
        database.name(),
        "jdbc:postgresql://127.0.0.1:" + port + "/" + database.name() + parameters,
        database.user(),
        database.password());
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
