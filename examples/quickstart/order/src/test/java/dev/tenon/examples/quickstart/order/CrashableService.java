package dev.tenon.examples.quickstart.order;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.MessagingConfig;
import dev.tenon.messaging.Outbox;
import dev.tenon.messaging.Subscription;
import dev.tenon.messaging.Topic;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedSource;
import dev.tenon.messaging.spi.FeedStream;
import dev.tenon.messaging.spi.FeedTransport;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.runtime.TenonRuntime;
import dev.tenon.schema.Dialect;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.spring.MessageHandler;
import dev.tenon.spring.SpringTransactions;
import dev.tenon.testing.crash.PostgresReset;
import dev.tenon.testing.crash.SendRules;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import javax.sql.DataSource;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.io.ClassPathResource;
import org.springframework.jdbc.core.namedparam.NamedParameterJdbcTemplate;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DelegatingDataSource;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.util.ClassUtils;

/**
 * A quickstart service with its own beans, handlers and tables, but without web server and network.
 * Its beans have no state, so they are made once; what holds state, the messaging and the
 * connections, is made anew at each {@link #start}.
 */
final class CrashableService implements AutoCloseable {
  private static final SendRules FEEDS =
      SendRules.defaults()
          .alsoResults(FeedStream.class)
          .notSends("close")
          .polls("next")
          .failingWith(message -> new FeedException(FeedException.Reason.UNREACHABLE, message));

  private final String name;
  private final DataSource real;
  private final HikariDataSource superuser;
  private final PostgresReset reset;
  private final DelegatingDataSource wrapped = new DelegatingDataSource();
  private final AnnotationConfigApplicationContext context;
  private final SpringTransactions transactions;
  private Messaging messaging;

  private record Opened(String service, DataSource dataSource, Dialect dialect, String tenonSchema)
      implements ServiceDatabase {}

  @Configuration
  @EnableTransactionManagement
  static class Transactional {}

  /**
   * @param schema the files that make the service's own tables
   * @param rows SQL that fills them
   */
  CrashableService(
      PostgresExtension postgres,
      String name,
      Class<?> application,
      List<String> schema,
      String rows)
      throws SQLException, IOException {
    this.name = name;
    Database database = postgres.freshDatabase(name);
    real = postgres.dataSource(database);
    Dialect dialect = ServiceDatabase.builder(name, real).open().dialect();
    try (Connection connection = real.getConnection();
        var statement = connection.createStatement()) {
      for (String file : schema) {
        statement.execute(
            new ClassPathResource("db/migration/" + file)
                .getContentAsString(StandardCharsets.UTF_8));
      }
      statement.execute(rows);
    }
    superuser = new HikariDataSource();
    superuser.setDataSource(postgres.server().superuserDataSource(database.name()));
    superuser.setMaximumPoolSize(2);
    reset = PostgresReset.to(superuser);
    wrapped.setTargetDataSource(real);
    JdbcTransactionManager manager = new JdbcTransactionManager(wrapped);
    transactions = new SpringTransactions(new Opened(name, wrapped, dialect, "tenon"), manager);
    context = context(application, manager);
  }

  private AnnotationConfigApplicationContext context(
      Class<?> application, JdbcTransactionManager manager) {
    AnnotationConfigApplicationContext made = new AnnotationConfigApplicationContext();
    made.getEnvironment()
        .getPropertySources()
        .addFirst(
            new MapPropertySource(
                "crash",
                Map.of(
                    EnableAutoConfiguration.ENABLED_OVERRIDE_PROPERTY,
                    "false",
                    "quickstart.charge-limit",
                    "10000.00")));
    made.addBeanFactoryPostProcessor(
        beans -> {
          for (String bean : beans.getBeanDefinitionNames()) {
            beans.getBeanDefinition(bean).setLazyInit(true);
          }
        });
    made.registerBean(JdbcTransactionManager.class, () -> manager);
    made.registerBean(JdbcClient.class, () -> JdbcClient.create(wrapped));
    made.registerBean(
        NamedParameterJdbcTemplate.class, () -> new NamedParameterJdbcTemplate(wrapped));
    made.registerBean(Outbox.class, () -> message -> messaging.outbox().publish(message));
    made.register(Transactional.class, application);
    made.refresh();
    return made;
  }

  String name() {
    return name;
  }

  <T> T bean(Class<T> type) {
    return context.getBean(type);
  }

  FeedSource feedSource() {
    return messaging.feedSource();
  }

  boolean runPending() {
    return messaging.runPending();
  }

  void reset() throws SQLException {
    reset.restore();
  }

  /** Begins a life of the process; whatever an earlier one held is gone. */
  void start(World world, InstantSource clock, FeedTransport network) throws SQLException {
    forgetThread();
    sql("UPDATE tenon.slot SET lease_until = '-infinity'");
    wrapped.setTargetDataSource(world.dataSource(name, real));
    Random random = new Random(name.hashCode() + clock.millis());
    Messaging.Builder builder =
        Messaging.builder(transactions)
            .config(MessagingConfig.defaults().slots(1))
            .runtime(
                new TenonRuntime(
                    clock,
                    IdGenerator.timeOrdered(clock, random),
                    random,
                    Thread.ofVirtual().factory()))
            .transport(world.sends(name, FeedTransport.class, network, FEEDS))
            .subscribe(subscriptions());
    context.getBeanProvider(Topic.class).forEach(builder::topic);
    messaging = builder.build();
  }

  /** A transaction that a crash cut off may have left its traces on the thread. */
  private static void forgetThread() {
    List.copyOf(TransactionSynchronizationManager.getResourceMap().keySet())
        .forEach(TransactionSynchronizationManager::unbindResource);
    TransactionSynchronizationManager.clear();
  }

  /** The service's handlers, but for those of messages from services that do not take part. */
  private List<Subscription> subscriptions() {
    Map<String, Subscription.Builder> builders = new HashMap<>();
    for (String bean : context.getBeanDefinitionNames()) {
      Class<?> type = context.getType(bean, false);
      if (type == null) {
        continue;
      }
      for (Method method : ClassUtils.getUserClass(type).getDeclaredMethods()) {
        MessageHandler handler = method.getAnnotation(MessageHandler.class);
        if (handler != null && !handler.from().equals("user")) {
          builders
              .computeIfAbsent(handler.from(), Subscription::to)
              .on(handler.topic(), registration(bean, method));
        }
      }
    }
    return builders.values().stream().map(Subscription.Builder::build).toList();
  }

  private Subscription.Registration<?> registration(String bean, Method method) {
    method.setAccessible(true);
    return new Subscription.Registration<>(
        method.getParameterTypes()[0],
        Set.of(1),
        (payload, message) -> {
          try {
            method.invoke(context.getBean(bean), payload);
          } catch (ReflectiveOperationException e) {
            if (e.getCause() instanceof Error error) {
              throw error;
            }
            throw e.getCause() instanceof Exception cause ? cause : e;
          }
        });
  }

  private void sql(String statement) throws SQLException {
    try (Connection connection = superuser.getConnection();
        var executed = connection.createStatement()) {
      executed.execute(statement);
    }
  }

  /** Asks the database, past all counting. */
  JdbcClient audit() {
    return JdbcClient.create(superuser);
  }

  @Override
  public void close() {
    context.close();
    superuser.close();
  }
}
