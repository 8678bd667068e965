package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.examples.quickstart.messages.User;
import dev.tenon.examples.quickstart.messages.UserChanged;
import dev.tenon.messaging.Subscriptions;
import dev.tenon.spring.MessageHandler;
import java.sql.SQLException;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;

/**
 * This service's own copy of the users, to be joined with orders. It has a subscription of its own,
 * so that it can be wiped and filled again alone.
 */
@Repository
class UsersCopy {
  private static final String SUBSCRIPTION = "users";

  private final JdbcClient jdbc;
  private final Subscriptions subscriptions;

  UsersCopy(JdbcClient jdbc, Subscriptions subscriptions) {
    this.jdbc = jdbc;
    this.subscriptions = subscriptions;
  }

  @MessageHandler(from = "user", topic = Topics.USER_CHANGED, subscription = SUBSCRIPTION)
  void apply(UserChanged changed) {
    changed.user().ifPresentOrElse(this::save, () -> delete(changed.id()));
  }

  private void save(User user) {
    jdbc.sql(
            """
            INSERT INTO user_copy (id, name, email) VALUES (:id, :name, :email)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email
            """)
        .paramSource(user)
        .update();
  }

  private void delete(String id) {
    jdbc.sql("DELETE FROM user_copy WHERE id = ?").param(id).update();
  }

  /** Wipes the copy and starts the subscription over, with one commit. */
  void rebuild() throws SQLException {
    subscriptions.restart(
        "user/" + SUBSCRIPTION, unit -> jdbc.sql("DELETE FROM user_copy").update());
  }

  Optional<User> find(String id) {
    return jdbc.sql("SELECT id, name, email FROM user_copy WHERE id = ?")
        .param(id)
        .query(User.class)
        .optional();
  }

  int count() {
    return jdbc.sql("SELECT count(*) FROM user_copy").query(Integer.class).single();
  }
}
