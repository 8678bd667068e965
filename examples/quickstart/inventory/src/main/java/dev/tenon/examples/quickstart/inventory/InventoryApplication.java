package dev.tenon.examples.quickstart.inventory;

import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.grpc.GrpcPortService;
import dev.tenon.messaging.Topic;
import dev.tenon.transport.PortService;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** Owns the stock, and reserves it for orders. */
@SpringBootApplication
public class InventoryApplication {

  /**
   * Starts the service.
   *
   * @param args Spring Boot's
   */
  public static void main(String[] args) {
    SpringApplication.run(InventoryApplication.class, args);
  }

  /** What other services may ask, on the Tenon port. */
  @Bean
  PortService catalogue(Stock stock) {
    return GrpcPortService.of(new CatalogueService(stock));
  }

  @Bean
  Topic stockReserved() {
    return Topic.of(Topics.STOCK_RESERVED, "order");
  }

  @Bean
  Topic stockRefused() {
    return Topic.of(Topics.STOCK_REFUSED, "order");
  }
}
