package dev.tenon.examples.quickstart.payment;

import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.messaging.Topic;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** Owns the money: charges orders, refunds cancellations. */
@SpringBootApplication
public class PaymentApplication {

  /**
   * Starts the service.
   *
   * @param args Spring Boot's
   */
  public static void main(String[] args) {
    SpringApplication.run(PaymentApplication.class, args);
  }

  @Bean
  Topic paymentCharged() {
    return Topic.of(Topics.PAYMENT_CHARGED, "order");
  }

  @Bean
  Topic paymentRefused() {
    return Topic.of(Topics.PAYMENT_REFUSED, "order");
  }
}
