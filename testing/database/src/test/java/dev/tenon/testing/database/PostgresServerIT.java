package dev.tenon.testing.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PostgresServerIT {

  @TempDir Path directory;

  @Test
  void keepsCommittedRowsThroughAKillOfTheWholeServer() throws SQLException {
    try (PostgresServer server = PostgresServer.start()) {
      DataSource orders = server.dataSource(server.createDatabase("order"));
      Sql.execute(orders, "CREATE TABLE line (id int PRIMARY KEY)");

      try (Connection open = orders.getConnection();
          Statement statement = open.createStatement()) {
        open.setAutoCommit(false);
        statement.execute("INSERT INTO line VALUES (1)");
        open.commit();
        statement.execute("INSERT INTO line VALUES (2)");
        List<Long> pids = pidsOf(server);
        server.kill();
        assertThat(pids).hasSizeGreaterThan(3).noneMatch(Postmaster::alive);
      }
      assertThat(server.running()).isFalse();
      assertThatThrownBy(orders::getConnection).isInstanceOf(SQLException.class);
      server.kill();
      server.restart();

      assertThat(Sql.ask(orders, "SELECT string_agg(id::text, ',') FROM line")).isEqualTo("1");
      assertThat(server.logFile()).content().contains("automatic recovery in progress");
    }
  }

  @Test
  void restartsAfterManyKillsInARow() throws SQLException {
    try (PostgresServer server = PostgresServer.start()) {
      DataSource orders = server.dataSource(server.createDatabase("order"));
      Sql.execute(orders, "CREATE TABLE line (id int PRIMARY KEY)");
      for (int id = 0; id < 5; id++) {
        Sql.execute(orders, "INSERT INTO line VALUES (" + id + ")");
        server.kill();
        server.restart();
      }

      assertThat(Sql.ask(orders, "SELECT count(*) FROM line")).isEqualTo("5");
    }
  }

  @Test
  void leavesNothingBehindAfterClose() {
    List<Long> others = children();
    PostgresServer server = PostgresServer.start();
    List<Long> pids = pidsOf(server);
    List<Long> watchdogs = children().stream().filter(pid -> !others.contains(pid)).toList();
    server.close();

    assertThat(pids).noneMatch(Postmaster::alive);
    assertThat(watchdogs).hasSize(1).noneMatch(Postmaster::alive);
    assertThat(server.dataDirectory()).doesNotExist();
    server.close();
    assertThatThrownBy(server::restart)
        .isInstanceOf(PostgresServerException.class)
        .hasMessageEndingWith(": it was closed. Start another one.");
    assertThatThrownBy(server::postmasterPid).isInstanceOf(PostgresServerException.class);
  }

  @Test
  void passesSettingsOverTheDefaults() throws SQLException {
    try (PostgresServer server =
        PostgresServer.builder()
            .setting("max_connections", "31")
            .setting("application_name", "it's \\ mine")
            .start()) {
      DataSource postgres = server.superuserDataSource("postgres");

      assertThat(Sql.ask(postgres, "SHOW max_connections")).isEqualTo("31");
      assertThat(Sql.ask(postgres, "SHOW max_prepared_transactions")).isEqualTo("200");
      assertThat(Sql.ask(postgres, "SHOW fsync")).isEqualTo("off");
      assertThat(Sql.ask(postgres, "SHOW listen_addresses")).isEqualTo("127.0.0.1");
      assertThat(
              Sql.ask(
                  postgres,
                  "SELECT reset_val FROM pg_file_settings f JOIN pg_settings s USING (name)"
                      + " WHERE name = 'synchronous_commit'"))
          .isEqualTo("on");
      assertThat(
              Sql.ask(
                  postgres, "SELECT setting FROM pg_file_settings WHERE name='application_name'"))
          .isEqualTo("it's \\ mine");
      assertThat(server.version()).isEqualTo(Sql.ask(postgres, "SHOW server_version"));
    }
  }

  @Test
  void keepsDataInANamedDirectoryAlsoThroughACrashOfTheMachine() throws Exception {
    int port;
    try (PostgresServer server = PostgresServer.builder().dataDirectory(directory).start()) {
      port = server.port();
      DataSource orders = server.dataSource(server.createDatabase("order", "clerk", "secret"));
      Sql.execute(orders, "CREATE TABLE line AS SELECT 7 AS id");
      server.kill();
    }
    // Since then, another process has got the server's number.
    long stranger = ProcessHandle.current().pid();
    Path pidFile = directory.resolve("cluster/postmaster.pid");
    Files.writeString(
        pidFile,
        stranger + "\n" + pidFile.getParent() + "\n1\n" + port + "\n\n127.0.0.1\n1 1\nready\n");

    try (PostgresServer again =
        PostgresServer.builder().dataDirectory(directory).port(port).start()) {
      DataSource orders = again.dataSource(again.createDatabase("order", "clerk", "secret"));
      assertThat(Sql.ask(orders, "SELECT id FROM line")).isEqualTo("7");
      assertThat(again.port()).isEqualTo(port);
      assertThat(again.postmasterPid()).isNotEqualTo(stranger);
    }
  }

  @Test
  void attachesToADurableServerThatOutlivesItsStarter() throws Exception {
    PostgresServer starter = PostgresServer.attachOrStart(directory);
    try {
      Sql.execute(starter.superuserDataSource("postgres"), "CREATE TABLE mark AS SELECT 1 AS id");
      for (String setting : List.of("fsync", "full_page_writes", "synchronous_commit")) {
        assertThat(Sql.ask(starter.superuserDataSource("postgres"), "SHOW " + setting))
            .as(setting)
            .isEqualTo("on");
      }
      long pid = starter.postmasterPid();
      starter.close();
      assertThat(starter.running()).isTrue();

      PostgresServer attached = PostgresServer.attachOrStart(directory);
      assertThat(attached.postmasterPid()).isEqualTo(pid);
      assertThat(attached.port()).isEqualTo(starter.port());
      assertThat(Sql.ask(attached.superuserDataSource("postgres"), "SELECT id FROM mark"))
          .isEqualTo("1");

      assertThatThrownBy(() -> PostgresServer.builder().dataDirectory(directory).start())
          .isInstanceOf(PostgresServerException.class)
          .hasMessageContaining("a server [pid=" + pid + "] runs on this data directory already.");
      attached.kill();
      attached.restart();
      assertThat(starter.running()).isTrue();
      attached.stop();
      assertThat(starter.running()).isFalse();
    } finally {
      starter.stop();
    }
  }

  @Test
  void runsTwoServersAtOnce() throws Exception {
    try (PostgresServer one = PostgresServer.start();
        PostgresServer two = PostgresServer.start()) {
      assertThat(one.port()).isNotEqualTo(two.port());

      one.kill();
      assertThat(Sql.ask(two.superuserDataSource("postgres"), "SELECT 1")).isEqualTo("1");
      String identity = "SELECT system_identifier FROM pg_control_system()";
      one.restart();
      assertThat(Sql.ask(one.superuserDataSource("postgres"), identity))
          .isNotEqualTo(Sql.ask(two.superuserDataSource("postgres"), identity));
    }
  }

  @Test
  void saysThatThePortIsInUse() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = taken.getLocalPort();

      assertThatThrownBy(() -> PostgresServer.builder().dataDirectory(directory).port(port).start())
          .isInstanceOf(PostgresServerException.class)
          .hasMessage(
              "Could not start PostgreSQL [data=%s, port=%d]: the port is in use by another"
                  + " process. Name another port, or stop that process.",
              directory, port);
    }
  }

  @Test
  void saysThatTheDataAreOfAnotherVersion() throws Exception {
    Path cluster = Files.createDirectory(directory.resolve("cluster"));
    Files.writeString(cluster.resolve("PG_VERSION"), "9\n");

    assertThatThrownBy(() -> PostgresServer.builder().dataDirectory(directory).start())
        .hasMessageContaining("the data directory was made by PostgreSQL 9 and the binaries are of")
        .hasMessageContaining(". Name another data directory, or");
  }

  @Test
  void saysThatTheDirectoryCannotBeMade() throws Exception {
    Path file = Files.createFile(directory.resolve("file"));

    assertThatThrownBy(
            () -> PostgresServer.builder().dataDirectory(file.resolve("data")).port(7000).start())
        .hasMessage(
            "Could not start PostgreSQL [data=%s/data, port=7000]: a part of the path is a file,"
                + " not a directory. Name another directory.",
            file);
    assertThatThrownBy(() -> PostgresServer.builder().dataDirectory(Path.of("/proc/tenon")).start())
        .hasMessageContaining("Could not start PostgreSQL [data=/proc/tenon, port=any]: ");
  }

  @Test
  void refusesADirectoryWithOtherFiles() throws Exception {
    Files.createFile(directory.resolve("novel.txt"));

    assertThatThrownBy(() -> PostgresServer.attachOrStart(directory))
        .hasMessageContaining("the data directory holds other files (novel.txt). Name an empty");
    assertThat(directory.resolve("novel.txt")).exists();
  }

  @Test
  void saysWhichSettingIsWrong() throws Exception {
    assertThatThrownBy(() -> PostgresServer.builder().setting("max_connections", "many").start())
        .isInstanceOf(PostgresServerException.class)
        .hasMessageEndingWith(
            ": invalid value for parameter \"max_connections\": \"many\"."
                + " Correct the setting.");
    assertThatThrownBy(() -> PostgresServer.builder().setting("port", "1"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("name: port (expected: ");
  }

  private static List<Long> pidsOf(PostgresServer server) {
    long postmaster = server.postmasterPid();
    Stream<Long> children =
        ProcessHandle.of(postmaster).stream()
            .flatMap(ProcessHandle::descendants)
            .map(ProcessHandle::pid);
    return Stream.concat(Stream.of(postmaster), children).toList();
  }

  private static List<Long> children() {
    return ProcessHandle.current().children().map(ProcessHandle::pid).toList();
  }
}
