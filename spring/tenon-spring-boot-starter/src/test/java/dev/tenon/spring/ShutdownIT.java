package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.tenon.messaging.Topic;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.simple.JdbcClient;

/** A service as a process of its own, told to stop. */
class ShutdownIT {
  private static final Duration START_MAX = Duration.ofMinutes(2);

  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final Database database = postgres.freshDatabase("shop");
  private final JdbcClient jdbc = JdbcClient.create(postgres.dataSource(database));

  @TempDir private Path directory;

  @SpringBootConfiguration
  @EnableAutoConfiguration(
      excludeName = {
        "org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration",
        "org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration",
        "org.mybatis.spring.boot.autoconfigure.MybatisAutoConfiguration"
      })
  static class Main {
    public static void main(String[] args) {
      SpringApplication.run(Main.class, args);
    }

    @Bean
    Topic bought() {
      return Topic.of("shop.bought", "shop");
    }

    @MessageHandler(from = "shop", topic = "shop.bought")
    void bought(String payload) {}
  }

  @Test
  void releasesItsLeasesAndExitsWithZeroOnSigterm() throws Exception {
    Path log = directory.resolve("log");
    Process service = start(log);
    try {
      await()
          .atMost(START_MAX)
          .untilAsserted(
              () -> {
                assertThat(Files.readString(log)).contains("Started ");
                assertThat(owners()).hasSize(4);
              });

      service.destroy();

      assertThat(service.waitFor(30, TimeUnit.SECONDS)).isTrue();
      assertThat(service.exitValue()).as("%s", Files.readString(log)).isZero();
      assertThat(owners()).isEmpty();
    } finally {
      service.destroyForcibly();
    }
  }

  private Process start(Path log) throws Exception {
    int port = PublishingIT.freePort();
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            Main.class.getName(),
            "--spring.datasource.url=" + database.jdbcUrl(),
            "--spring.datasource.username=" + database.user(),
            "--spring.datasource.password=" + database.password(),
            "--logging.level.root=info",
            "--server.port=0",
            "--tenon.service=shop",
            "--tenon.dev=true",
            "--tenon.port=" + port,
            "--tenon.addresses.shop=127.0.0.1:" + port);
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  private List<String> owners() {
    return jdbc.sql("SELECT owner::text FROM tenon.slot WHERE owner IS NOT NULL")
        .query(String.class)
        .list();
  }
}
