package dev.tenon.spring;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.messaging.MessageContext;
import dev.tenon.messaging.Outbox;
import dev.tenon.messaging.Topic;
import jakarta.persistence.EntityManager;
import javax.sql.DataSource;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A service that buys things with three tools, tells about it, and listens to itself. */
@SpringBootConfiguration
@EnableAutoConfiguration
@Import({ShopApplication.Shop.class, ShopApplication.Listener.class, ShopApplication.Web.class})
class ShopApplication {
  static final String BOUGHT = "shop.bought";

  /** The database of a test; not a bean itself, being no data source of the service. */
  record Spy(SpiedDatabase database) {}

  /** A pool in front of the spied connections, as in production. */
  @Bean(destroyMethod = "close")
  DataSource dataSource(Spy spy) {
    HikariDataSource pool = new HikariDataSource();
    pool.setDataSource(spy.database());
    pool.setConnectionTimeout(1000);
    return pool;
  }

  @Bean
  Topic bought() {
    return Topic.of(BOUGHT, "shop");
  }

  record Bought(String id) {}

  @Service
  static class Shop {
    private final JdbcClient jdbc;
    private final PurchaseMapper mapper;
    private final ObjectProvider<EntityManager> entities;
    private final Outbox outbox;

    Shop(
        JdbcClient jdbc,
        PurchaseMapper mapper,
        ObjectProvider<EntityManager> entities,
        Outbox outbox) {
      this.jdbc = jdbc;
      this.mapper = mapper;
      this.entities = entities;
      this.outbox = outbox;
    }

    @Transactional
    public void buyWithJdbc(String id, Runnable then) {
      outbox.publish(BOUGHT, id, new Bought(id));
      jdbc.sql("INSERT INTO purchase (id, tool) VALUES (?, 'jdbc')").param(id).update();
      then.run();
    }

    /** Tells nobody. */
    @Transactional
    public void buyInSilence(String id, Runnable then) {
      jdbc.sql("INSERT INTO purchase (id, tool) VALUES (?, 'jdbc')").param(id).update();
      then.run();
    }

    @Transactional
    public void buyWithMyBatis(String id, Runnable then) {
      outbox.publish(BOUGHT, id, new Bought(id));
      mapper.insert(id, "mybatis");
      then.run();
    }

    @Transactional
    public void buyWithJpa(String id, Runnable then) {
      outbox.publish(BOUGHT, id, new Bought(id));
      entities.getObject().persist(new Purchase(id, "jpa"));
      then.run();
    }

    @Transactional(readOnly = true)
    public void buyReadOnly(String id) {
      outbox.publish(BOUGHT, id, new Bought(id));
    }

    public void buyOutsideOfATransaction(String id) {
      outbox.publish(BOUGHT, id, new Bought(id));
    }
  }

  @Service
  static class Listener {
    private final JdbcClient jdbc;

    Listener(JdbcClient jdbc) {
      this.jdbc = jdbc;
    }

    @MessageHandler(from = "shop", topic = BOUGHT)
    void bought(Bought bought, MessageContext context) {
      jdbc.sql("INSERT INTO received VALUES (?, ?)")
          .params(bought.id(), context.attempt())
          .update();
      if (bought.id().startsWith("fails-once") && context.attempt() == 1) {
        throw new IllegalStateException("not yet");
      }
    }
  }

  @RestController
  static class Web {
    private final JdbcClient jdbc;
    private final Shop shop;

    Web(JdbcClient jdbc, Shop shop) {
      this.jdbc = jdbc;
      this.shop = shop;
    }

    @GetMapping("/purchases")
    int purchases() {
      return jdbc.sql("SELECT count(*) FROM purchase").query(Integer.class).single();
    }

    @GetMapping("/buy")
    String buy() {
      shop.buyWithJdbc("web", () -> {});
      return "bought";
    }
  }
}
