package dev.tenon.examples.quickstart.messages;

import java.util.Optional;

/**
 * A user's whole state, so that the last message about a user is all there is to know.
 *
 * @param id the user's id
 * @param user the user as they are now; empty when deleted
 */
public record UserChanged(String id, Optional<User> user) {

  /**
   * A user was created or changed.
   *
   * @param user the user as they are now
   * @return the message
   */
  public static UserChanged of(User user) {
    return new UserChanged(user.id(), Optional.of(user));
  }

  /**
   * A user was deleted.
   *
   * @param id the user's id
   * @return the message
   */
  public static UserChanged deleted(String id) {
    return new UserChanged(id, Optional.empty());
  }
}
