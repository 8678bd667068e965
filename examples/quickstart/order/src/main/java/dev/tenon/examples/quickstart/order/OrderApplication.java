package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.CatalogueGrpc;
import dev.tenon.examples.quickstart.messages.OrderPlaced;
import dev.tenon.examples.quickstart.messages.PaymentApi;
import dev.tenon.examples.quickstart.messages.StockApi;
import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.examples.quickstart.messages.UserApi;
import dev.tenon.global.SagaType;
import dev.tenon.grpc.GrpcChannels;
import dev.tenon.messaging.Topic;
import dev.tenon.rest.RestClients;
import dev.tenon.transport.ServiceClient;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** Takes orders and cancellations, and keeps a copy of the users. */
@SpringBootApplication
public class OrderApplication {

  /**
   * Starts the service.
   *
   * @param args Spring Boot's
   */
  public static void main(String[] args) {
    SpringApplication.run(OrderApplication.class, args);
  }

  @Bean
  UserApi users(RestClients clients) {
    return clients.client("user", UserApi.class);
  }

  @Bean
  CatalogueGrpc.CatalogueBlockingStub catalogue(ServiceClient client) {
    return CatalogueGrpc.newBlockingStub(GrpcChannels.of(client).channel("inventory"));
  }

  @Bean
  StockApi stock(RestClients clients) {
    return clients.client("inventory", StockApi.class);
  }

  @Bean
  PaymentApi payment(RestClients clients) {
    return clients.client("payment", PaymentApi.class);
  }

  @Bean
  SagaType<OrderPlaced, String> placing(OrderSaga saga) {
    return new SagaType<>(OrderSaga.NAME, OrderPlaced.class, String.class, OrderSaga.TIMEOUT, saga);
  }

  @Bean
  Topic orderPlaced() {
    return Topic.of(Topics.ORDER_PLACED, "inventory", "payment");
  }

  @Bean
  Topic orderRejected() {
    return Topic.of(Topics.ORDER_REJECTED, "inventory", "payment");
  }

  @Bean
  Topic orderCancelled() {
    return Topic.of(Topics.ORDER_CANCELLED, "inventory", "payment");
  }
}
