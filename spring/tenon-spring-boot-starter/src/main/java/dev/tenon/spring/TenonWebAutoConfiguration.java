package dev.tenon.spring;

import dev.tenon.schema.ServiceDatabase;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.servlet.DispatcherServlet;

/**
 * Where the application has a web: answers requests while the service's database is away, and lets
 * messages carry on the trace of the request that they come from.
 */
@AutoConfiguration(after = TenonAutoConfiguration.class)
@ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
@ConditionalOnClass({DispatcherServlet.class, RestControllerAdvice.class})
public final class TenonWebAutoConfiguration {
  /** Made by Spring. */
  TenonWebAutoConfiguration() {}

  @Bean
  TraceSource tenonRequestTrace() {
    return new RequestTrace();
  }

  @Bean
  @ConditionalOnMissingBean
  DatabaseProblems tenonDatabaseProblems(ServiceDatabase database) {
    return new DatabaseProblems(database);
  }

  @Bean
  LostDatabaseResolver tenonLostDatabaseResolver(DatabaseProblems problems) {
    return new LostDatabaseResolver(problems);
  }
}
