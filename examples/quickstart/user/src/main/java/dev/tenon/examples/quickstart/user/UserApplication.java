package dev.tenon.examples.quickstart.user;

import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.examples.quickstart.messages.UserApi;
import dev.tenon.messaging.Topic;
import dev.tenon.rest.RestService;
import dev.tenon.transport.PortService;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.http.HttpStatus;
import org.springframework.web.server.ResponseStatusException;

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

  /** What other services may ask, on the Tenon port. */
  @Bean
  PortService userApi(Users users) {
    UserApi api =
        id ->
            users
                .find(id)
                .orElseThrow(
                    () -> new ResponseStatusException(HttpStatus.NOT_FOUND, "No user " + id));
    return RestService.of(UserApi.class, api).build();
  }
}
