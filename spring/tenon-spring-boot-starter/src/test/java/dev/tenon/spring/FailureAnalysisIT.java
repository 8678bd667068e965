package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.tenon.messaging.MessageContext;
import dev.tenon.messaging.Outbox;
import dev.tenon.messaging.Subscription;
import dev.tenon.messaging.Topic;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** Each way to set a service up wrongly gets one sentence, and one about what to do. */
class FailureAnalysisIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final Database database = postgres.freshDatabase("order");

  @SpringBootConfiguration
  @EnableAutoConfiguration(
      excludeName = {
        "org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration",
        "org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration",
        "org.mybatis.spring.boot.autoconfigure.MybatisAutoConfiguration"
      })
  static class Plain {}

  static class Publishing extends Plain {
    @Bean
    Topic placed() {
      return Topic.of("order.placed", "inventory");
    }
  }

  static class TwoDataSources extends Plain {
    @Bean
    DataSource own() {
      return postgres.dataSource(postgres.freshDatabase("own"));
    }

    @Bean
    DataSource other() {
      return postgres.dataSource(postgres.freshDatabase("other"));
    }

    @Bean
    JdbcTransactionManager ownTransactions(@Qualifier("own") DataSource own) {
      return new JdbcTransactionManager(own);
    }

    @Bean
    JdbcTransactionManager otherTransactions(@Qualifier("other") DataSource other) {
      return new JdbcTransactionManager(other);
    }
  }

  static class WrongHandler extends Plain {
    @MessageHandler(from = "user", topic = "user.changed")
    void changed(MessageContext context, String payload) {}
  }

  static class DifferentStarts extends Plain {
    @MessageHandler(from = "user", topic = "a", start = Subscription.Start.NOW)
    void first(String payload) {}

    @MessageHandler(from = "user", topic = "b")
    void second(String payload) {}
  }

  @Test
  void namesWhatIsWrongAndWhatToDo() throws IOException {
    assertFails(Plain.class, List.of(), "does not know the name", "Set tenon.service");
    assertFails(
        Plain.class, List.of("tenon.service=Order!"), "tenon.service is 'Order!'", "lower-case");
    assertFails(
        Plain.class,
        List.of("tenon.service=order", "tenon.schema=a-b"),
        "tenon.schema is 'a-b'",
        "underscores");
    assertFails(
        TwoDataSources.class,
        List.of("tenon.service=order"),
        "there are several data sources: [own, other]",
        "Set tenon.datasource");
    assertFails(
        TwoDataSources.class,
        List.of("tenon.service=order", "tenon.datasource=mine"),
        "tenon.datasource names the bean 'mine', but the data sources are [own, other]",
        "Set tenon.datasource to one of them");
    assertFails(
        WrongHandler.class,
        List.of("tenon.service=order"),
        "WrongHandler.changed has the wrong parameters",
        "Let it take the payload");
    assertFails(
        DifferentStarts.class,
        List.of("tenon.service=order"),
        "Handlers of subscription user/default begin at different places",
        "the same start");
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      assertFails(
          Publishing.class,
          List.of("tenon.service=order", "tenon.dev=true", "tenon.port=" + taken.getLocalPort()),
          "Could not open the Tenon port [port=" + taken.getLocalPort(),
          "another port");
    }
    assertFails(
        Plain.class,
        List.of("tenon.service=order", "spring.datasource.password=wrong"),
        "Could not open the database [service=order]: the login was refused",
        "Check user and password");
    assertFails(
        Plain.class,
        List.of(
            "tenon.service=order",
            "spring.datasource.url=jdbc:postgresql://127.0.0.1:1/x",
            "spring.datasource.hikari.connection-timeout=300"),
        "Could not open the database [service=order]: no connection",
        "Check that it runs");
    assertFails(
        Plain.class,
        List.of("tenon.service=user"),
        "it belongs to service order",
        "a database of its own");
    JdbcClient.create(postgres.dataSource(database))
        .sql("INSERT INTO tenon.tables_history (major, minor) VALUES (99, 0)")
        .update();
    assertFails(Plain.class, List.of("tenon.service=order"), "of version 99", "Upgrade Tenon");
  }

  @Test
  void namesWhatIsWrongWithTheProofOfWhoTheServiceIs() {
    assertFails(
        Publishing.class,
        List.of("tenon.service=order"),
        "Service order has neither certificates nor keys",
        "tenon.dev=true");
    assertFails(
        Publishing.class,
        List.of("tenon.service=order", "tenon.tls.directory=missing"),
        "Could not read the TLS files [service=order]",
        "Make them with ./tenon certs.");
    assertFails(
        Publishing.class,
        List.of("tenon.service=order", "tenon.tls.key=order.key.pem"),
        "tenon.tls names some of its files, but not all",
        "Set tenon.tls.certificate, tenon.tls.key and tenon.tls.trusted");
  }

  @Test
  void refusesAnothersDatabaseBeforeFlywayTouchesIt() {
    DataSource others = postgres.dataSource(database);
    ServiceDatabase.builder("user", others).open();

    assertFails(Plain.class, List.of("tenon.service=order"), "it belongs to service user", "");

    assertThat(
            JdbcClient.create(others)
                .sql("SELECT to_regclass('public.purchase') IS NULL")
                .query(Boolean.class)
                .single())
        .isTrue();
  }

  @Test
  void usesTheNamedOneOfSeveralDataSources() {
    try (ConfigurableApplicationContext context =
        start(
            TwoDataSources.class,
            "tenon.service=order",
            "tenon.datasource=own",
            "spring.flyway.enabled=false")) {
      DataSource own = context.getBean("own", DataSource.class);

      assertThat(context.getBean(SpringTransactions.class).dataSource()).isSameAs(own);
      assertThat(context.getBean(Outbox.class)).isNotNull();
    }
  }

  private void assertFails(
      Class<?> application, List<String> properties, String description, String action) {
    Throwable failure =
        catchThrowable(() -> start(application, properties.toArray(String[]::new)).close());

    FailureAnalysis analysis = new TenonFailureAnalyzer().analyze(failure);
    assertThat(analysis).as("analysis of %s", failure).isNotNull();
    assertThat(Objects.requireNonNull(analysis).getDescription()).contains(description);
    assertThat(analysis.getAction()).contains(action);
  }

  private ConfigurableApplicationContext start(Class<?> application, String... properties) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--spring.datasource.url=" + database.jdbcUrl(),
                "--spring.datasource.username=" + database.user(),
                "--spring.datasource.password=" + database.password(),
                "--spring.main.web-application-type=none",
                "--spring.main.banner-mode=off",
                "--logging.level.root=off",
                "--tenon.migrations="));
    for (String property : properties) {
      arguments.removeIf(each -> each.startsWith("--" + property.split("=")[0] + "="));
      arguments.add("--" + property);
    }
    return new SpringApplicationBuilder(application).run(arguments.toArray(String[]::new));
  }
}
