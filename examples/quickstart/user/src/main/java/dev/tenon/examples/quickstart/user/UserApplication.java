package dev.tenon.examples.quickstart.user;

import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.messaging.Topic;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** Owns the users, and tells others about them. */
@SpringBootApplication
public class UserApplication {

  /**
   * Starts the service.
   *
   * @param args Spring Boot's
   */
  public static void main(String[] args) {
    SpringApplication.run(UserApplication.class, args);
  }

  /** A new subscriber gets the present users first, then what changes. */
  @Bean
  Topic userChanged() {
    return Topic.of(Topics.USER_CHANGED, "order").snapshot(Users::page);
  }
}
