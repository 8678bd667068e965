package dev.tenon.examples.quickstart.payment;

import dev.tenon.examples.quickstart.messages.PaymentApi;
import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.global.Participant;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.Topic;
import dev.tenon.rest.RestService;
import dev.tenon.transport.PortService;
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

  /** What orders ask for by a call, under a distributed transaction. */
  @Bean
  PortService paymentApi(Payments payments, IdempotentReceiver receiver, Participant participant) {
    return RestService.of(PaymentApi.class, payments)
        .idempotent(receiver)
        .participant(participant)
        .build();
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
