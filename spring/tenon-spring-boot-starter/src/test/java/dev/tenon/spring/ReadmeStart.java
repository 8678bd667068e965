package dev.tenon.spring;

import dev.tenon.messaging.Outbox;
import dev.tenon.messaging.Topic;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

/** What the README shows first: compiled here, compared by {@link ReadmeTest}. */
final class ReadmeStart {
  private ReadmeStart() {}

  // begin
  record Order(String id, String product) {}

  @SpringBootApplication // tenon.service=shop, spring.datasource.url=...
  static class Shop {
    @Bean
    Topic orderPlaced() {
      return Topic.of("order.placed", "warehouse"); // who may read it
    }
  }

  @Service
  static class Orders {
    private final JdbcClient jdbc;
    private final Outbox outbox;

    Orders(JdbcClient jdbc, Outbox outbox) {
      this.jdbc = jdbc;
      this.outbox = outbox;
    }

    @Transactional
    public void place(Order order) {
      jdbc.sql("INSERT INTO orders VALUES (?, ?)").params(order.id(), order.product()).update();
      outbox.publish("order.placed", order.id(), order); // sent if, and only if, this commits
    }
  }

  @Component // in the other service: tenon.service=warehouse, tenon.addresses.shop=host:7450
  record Packing(JdbcClient jdbc) {
    @MessageHandler(from = "shop", topic = "order.placed")
    void pack(Order order) { // its effects happen exactly once, whoever is killed when
      jdbc.sql("INSERT INTO parcels VALUES (?)").param(order.id()).update();
    }
  }
  // end
}
