package dev.tenon.spring;

import dev.tenon.testing.database.Database;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/** A Boot application as a service of its own, without what persistence the tests bring along. */
final class BootService {
  private static final String[] WITHOUT = {
    "org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration",
    "org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration",
    "org.mybatis.spring.boot.autoconfigure.MybatisAutoConfiguration"
  };

  private BootService() {}

  static ConfigurableApplicationContext start(
      Class<?> application, String service, Database database, String... more) {
    return new SpringApplicationBuilder(application)
        .properties(more)
        .properties(
            "spring.datasource.url=" + database.jdbcUrl(),
            "spring.datasource.username=" + database.user(),
            "spring.datasource.password=" + database.password(),
            "spring.autoconfigure.exclude=" + String.join(",", WITHOUT),
            "server.port=0",
            "tenon.service=" + service,
            "tenon.dev=true",
            "tenon.port=0")
        .run();
  }

  /** Where another finds it. */
  static String addressOf(String service, ConfigurableApplicationContext running) {
    int port = running.getBean(TenonNetwork.class).port().orElseThrow();
    return "tenon.addresses." + service + "=127.0.0.1:" + port;
  }
}
