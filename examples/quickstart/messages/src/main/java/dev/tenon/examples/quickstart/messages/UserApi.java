package dev.tenon.examples.quickstart.messages;

import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.service.annotation.GetExchange;

/** What the user service answers other services at once. */
public interface UserApi {

  /**
   * Finds a user.
   *
   * @param id the user's id
   * @return the user; answered 404 if there is none
   */
  @GetExchange("/users/{id}")
  User find(@PathVariable("id") String id);
}
