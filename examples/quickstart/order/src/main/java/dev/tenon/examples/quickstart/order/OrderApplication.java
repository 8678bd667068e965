package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.messaging.Topic;
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
