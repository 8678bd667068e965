package dev.tenon.spring;

import dev.tenon.global.GlobalTransactions;
import dev.tenon.messaging.Messaging;
import dev.tenon.schema.ServiceDatabase;
import java.util.Optional;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;

/** Tells the health endpoint how Tenon fares, where the application has one. */
@AutoConfiguration(after = {TenonAutoConfiguration.class, TenonGlobalAutoConfiguration.class})
@ConditionalOnClass({HealthIndicator.class, ConditionalOnEnabledHealthIndicator.class})
@ConditionalOnBean(Messaging.class)
@ConditionalOnEnabledHealthIndicator("tenon")
public final class TenonHealthAutoConfiguration {
  /** Made by Spring. */
  TenonHealthAutoConfiguration() {}

  @Bean
  @ConditionalOnMissingBean(name = "tenonHealthIndicator")
  HealthIndicator tenonHealthIndicator(
      ServiceDatabase database, Messaging messaging, ObjectProvider<GlobalTransactions> global) {
    return new TenonHealthIndicator(database, messaging, Optional.ofNullable(global.getIfUnique()));
  }
}
