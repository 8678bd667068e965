package dev.tenon.examples.quickstart.inventory;

import dev.tenon.examples.quickstart.messages.StockApi;
import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.global.Participant;
import dev.tenon.grpc.GrpcPortService;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Topic;
import dev.tenon.rest.RestService;
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

  /** What orders ask for by a call, under a distributed transaction. */
  @Bean
  PortService stockApi(Sales sales, IdempotentReceiver receiver, Participant participant) {
    return RestService.of(StockApi.class, sales)
        .idempotent(receiver)
        .participant(participant)
        .build();
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
