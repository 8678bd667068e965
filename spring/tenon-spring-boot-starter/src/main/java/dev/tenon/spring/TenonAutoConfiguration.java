package dev.tenon.spring;

import dev.tenon.global.GlobalTransactions;
import dev.tenon.invocation.Calls;
import dev.tenon.messaging.FailedMessages;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Inbox;
import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.Outbox;
import dev.tenon.messaging.Subscription;
import dev.tenon.messaging.Subscriptions;
import dev.tenon.messaging.Topic;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.transaction.Transactions;
import dev.tenon.transport.PortService;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.sql.init.dependency.DatabaseInitializationDependencyConfigurer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.core.io.ResourceLoader;
import org.springframework.util.ClassUtils;

/**
 * Makes the service's database, its units of work and its messaging of what the application has: a
 * {@code DataSource}, a transaction manager, {@link Topic} beans, {@link MessageHandler} methods
 * and {@link Subscription} beans. Any bean defined here can be replaced by the application's own.
 */
@AutoConfiguration(
    afterName = {
      "org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration",
      "org.springframework.boot.jdbc.autoconfigure.DataSourceTransactionManagerAutoConfiguration",
      "org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration",
      "org.springframework.boot.flyway.autoconfigure.FlywayAutoConfiguration",
      "org.springframework.boot.micrometer.metrics.autoconfigure"
          + ".CompositeMeterRegistryAutoConfiguration"
    })
@EnableConfigurationProperties(TenonProperties.class)
@Import(DatabaseInitializationDependencyConfigurer.class)
public final class TenonAutoConfiguration {
  private static final String DEFAULT_MIGRATIONS = "classpath:db/migration";
  private static final boolean BOOT_FLYWAY_PRESENT =
      ClassUtils.isPresent(
          "org.springframework.boot.flyway.autoconfigure.FlywayAutoConfiguration",
          TenonAutoConfiguration.class.getClassLoader());

  /** Made by Spring. */
  TenonAutoConfiguration() {}

  @Bean
  @ConditionalOnMissingBean
  ServiceDatabase tenonServiceDatabase(
      TenonProperties properties, ListableBeanFactory beans, ResourceLoader resources) {
    String service = properties.requiredService();
    DataSource dataSource =
        new ServiceBeans(beans).dataSource(Optional.ofNullable(properties.datasource()));
    return ServiceDatabase.builder(service, dataSource)
        .migrations(migrations(properties, resources).toArray(String[]::new))
        .tenonSchema(properties.checkedSchema())
        .open();
  }

  private static List<String> migrations(TenonProperties properties, ResourceLoader resources) {
    if (properties.migrations() != null) {
      return properties.migrations();
    }
    boolean ours = !BOOT_FLYWAY_PRESENT && resources.getResource(DEFAULT_MIGRATIONS).exists();
    return ours ? List.of(DEFAULT_MIGRATIONS) : List.of();
  }

  @Bean
  @ConditionalOnMissingBean
  Transactions tenonTransactions(ServiceDatabase database, ListableBeanFactory beans) {
    return new SpringTransactions(
        database, new ServiceBeans(beans).transactionManager(database.dataSource()));
  }

  @Bean
  @ConditionalOnMissingBean
  TenonRuntime tenonRuntime(TenonProperties properties) {
    TenonRuntime system = TenonRuntime.system();
    return properties.clockOffsetFile() == null
        ? system
        : system.withClock(new ShiftedClock(properties.clockOffsetFile(), system.clock()));
  }

  @Bean
  TenonRoles tenonRoles(
      TenonProperties properties,
      ConfigurableListableBeanFactory beans,
      ObjectProvider<Topic> topics,
      ObjectProvider<Subscription> subscriptions) {
    Stream<Topic> configured =
        properties.messaging().topics().entrySet().stream()
            .map(
                topic ->
                    Topic.of(
                        topic.getKey(), topic.getValue().subscribers().toArray(String[]::new)));
    List<Subscription> all = new ArrayList<>(new MessageHandlers(beans).subscriptions());
    subscriptions.orderedStream().forEach(all::add);
    return new TenonRoles(Stream.concat(topics.orderedStream(), configured).toList(), all);
  }

  @Bean
  TenonNetwork tenonNetwork(
      TenonProperties properties,
      TenonRoles roles,
      TenonRuntime runtime,
      ObjectProvider<Calls> calls,
      ListableBeanFactory beans) {
    // Their names only: the services themselves may need what needs the port.
    boolean serves = beans.getBeanNamesForType(PortService.class, true, false).length > 0;
    return roles.isEmpty() && !serves
        ? TenonNetwork.none()
        : TenonNetwork.open(properties, runtime, calls.getObject());
  }

  @Bean
  @ConditionalOnMissingBean
  Messaging tenonMessaging(
      Transactions transactions,
      TenonProperties properties,
      TenonRoles roles,
      TenonNetwork network,
      TenonRuntime runtime,
      ObjectProvider<MeterRegistry> meters) {
    Messaging.Builder builder =
        Messaging.builder(transactions)
            .config(properties.idempotency().addedTo(properties.messaging().config()))
            .runtime(runtime)
            .subscribe(roles.subscriptions());
    roles.topics().forEach(builder::topic);
    network.transport().ifPresent(builder::transport);
    network.address().ifPresent(builder::address);
    meters.ifUnique(builder::meters);
    return builder.build();
  }

  @Bean
  @ConditionalOnMissingBean
  Outbox tenonOutbox(Messaging messaging, ObjectProvider<TraceSource> traces) {
    TraceSource trace = traces.getIfAvailable();
    return trace == null ? messaging.outbox() : new TracingOutbox(messaging.outbox(), trace);
  }

  @Bean
  @ConditionalOnMissingBean
  Inbox tenonInbox(Messaging messaging) {
    return messaging.inbox();
  }

  @Bean
  @ConditionalOnMissingBean
  IdempotentReceiver tenonIdempotentReceiver(Messaging messaging) {
    return messaging.receiver();
  }

  @Bean
  @ConditionalOnMissingBean
  FailedMessages tenonFailedMessages(Messaging messaging) {
    return messaging.failedMessages();
  }

  @Bean
  @ConditionalOnMissingBean
  Subscriptions tenonSubscriptions(Messaging messaging) {
    return messaging.subscriptions();
  }

  @Bean
  TenonLifecycle tenonLifecycle(
      ServiceDatabase database,
      Messaging messaging,
      TenonNetwork network,
      ObjectProvider<PortService> services,
      ObjectProvider<GlobalTransactions> global) {
    return new TenonLifecycle(database.service(), messaging, network, services, global);
  }

  @Bean
  @ConditionalOnBooleanProperty(name = "tenon.clean-exit", matchIfMissing = true)
  CleanExit tenonCleanExit() {
    return new CleanExit();
  }
}
