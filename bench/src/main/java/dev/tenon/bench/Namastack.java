package dev.tenon.bench;

import com.zaxxer.hikari.HikariDataSource;
import io.namastack.outbox.Outbox;
import io.namastack.outbox.handler.OutboxRecordMetadata;
import io.namastack.outbox.handler.OutboxTypedHandler;
import java.util.Map;
import javax.sql.DataSource;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.jdbc.datasource.DataSourceUtils;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * Peer: namastack-outbox on Spring Boot. A poller reads the keys that have records, and hands each
 * key to a thread that reads the key's records, calls the handler for each in order, and deletes
 * it.
 */
final class Namastack implements Contender {
  private static final int WORKERS = 16;

  @Override
  public String name() {
    return "namastack";
  }

  @Override
  public String setup() {
    return "namastack-outbox 1.6.0 (JDBC): polls again 1 ms after each batch (default 2 s), "
        + Order.KEYS
        + " keys a batch (default 10), "
        + WORKERS
        + " threads (default 4), completed records deleted instead of updated and kept";
  }

  @Override
  public boolean delivers() {
    return true;
  }

  @Override
  public boolean peer() {
    return true;
  }

  @Override
  public Session open(Site site, int producers, Ledger ledger) {
    System.setProperty("org.springframework.boot.logging.LoggingSystem", "none");
    HikariDataSource out = site.producerPool(producers + WORKERS + 2);
    HikariDataSource in = site.consumerPool(WORKERS);
    ConfigurableApplicationContext context =
        new SpringApplicationBuilder(Application.class)
            .web(WebApplicationType.NONE)
            .bannerMode(Banner.Mode.OFF)
            .registerShutdownHook(false)
            .properties(settings())
            .initializers(
                initialized -> {
                  GenericApplicationContext beans = (GenericApplicationContext) initialized;
                  beans.registerBean(DataSource.class, () -> out);
                  beans.registerBean(Handler.class, () -> new Handler(in, ledger));
                })
            .run();
    return new NamastackSession(context, out, in);
  }

  private static Map<String, Object> settings() {
    return Map.of(
        "namastack.outbox.polling.trigger",
        "fixed",
        "namastack.outbox.polling.fixed.interval",
        "1ms",
        "namastack.outbox.polling.batch-size",
        Order.KEYS,
        "namastack.outbox.processing.executor-core-pool-size",
        WORKERS,
        "namastack.outbox.processing.executor-max-pool-size",
        WORKERS,
        "namastack.outbox.processing.delete-completed-records",
        true,
        "namastack.outbox.multicaster.enabled",
        false,
        "namastack.outbox.jdbc.schema-initialization.enabled",
        true);
  }

  /** The application: what Boot configures by itself. */
  @Configuration(proxyBeanMethods = false)
  @EnableAutoConfiguration
  static class Application {}

  /** What the outbox calls: the consumer. */
  static final class Handler implements OutboxTypedHandler<Order> {
    private final DataSource in;
    private final Ledger ledger;

    Handler(DataSource in, Ledger ledger) {
      this.in = in;
      this.ledger = ledger;
    }

    @Override
    public void handle(Order order, OutboxRecordMetadata metadata) {
      BusinessTables.applyOnce(in, order);
      ledger.effected(order.id());
    }
  }

  private static final class NamastackSession implements Session {
    private final ConfigurableApplicationContext context;
    private final HikariDataSource out;
    private final HikariDataSource in;
    private final Outbox outbox;
    private final TransactionTemplate transactions;

    NamastackSession(
        ConfigurableApplicationContext context, HikariDataSource out, HikariDataSource in) {
      this.context = context;
      this.out = out;
      this.in = in;
      this.outbox = context.getBean(Outbox.class);
      this.transactions =
          new TransactionTemplate(context.getBean(PlatformTransactionManager.class));
    }

    @Override
    public void produce(Order order) {
      transactions.executeWithoutResult(
          status -> {
            BusinessTables.insertOrder(DataSourceUtils.getConnection(out), order);
            outbox.schedule(order, order.customer());
          });
    }

    @Override
    public void close() {
      context.close();
      out.close();
      in.close();
    }
  }
}
