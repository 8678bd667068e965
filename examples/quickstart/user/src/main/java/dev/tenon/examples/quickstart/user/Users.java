package dev.tenon.examples.quickstart.user;

import dev.tenon.examples.quickstart.messages.Topics;
import dev.tenon.examples.quickstart.messages.User;
import dev.tenon.examples.quickstart.messages.UserChanged;
import dev.tenon.messaging.Outbox;
import dev.tenon.messaging.SnapshotSource;
import java.sql.Connection;
import java.util.List;
import java.util.Optional;
import org.springframework.jdbc.core.namedparam.NamedParameterJdbcOperations;
import org.springframework.jdbc.core.namedparam.SqlParameterSourceUtils;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;
import org.springframework.stereotype.Repository;
import org.springframework.transaction.annotation.Transactional;

/** The users' table. Each change commits together with the message about it. */
@Repository
class Users {
  private final JdbcClient jdbc;
  private final NamedParameterJdbcOperations batch;
  private final Outbox outbox;

  Users(JdbcClient jdbc, NamedParameterJdbcOperations batch, Outbox outbox) {
    this.jdbc = jdbc;
    this.batch = batch;
    this.outbox = outbox;
  }

  /** Creates or overwrites users. */
  @Transactional
  public void save(List<User> users) {
    batch.batchUpdate(
        """
        INSERT INTO users (id, name, email) VALUES (:id, :name, :email)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email
        """,
        SqlParameterSourceUtils.createBatch(users));
    users.forEach(user -> outbox.publish(Topics.USER_CHANGED, user.id(), UserChanged.of(user)));
  }

  @Transactional
  public void delete(String id) {
    if (jdbc.sql("DELETE FROM users WHERE id = ?").param(id).update() > 0) {
      outbox.publish(Topics.USER_CHANGED, id, UserChanged.deleted(id));
    }
  }

  Optional<User> find(String id) {
    return jdbc.sql("SELECT id, name, email FROM users WHERE id = ?")
        .param(id)
        .query(User.class)
        .optional();
  }

  /** The next users after an id, for a new subscriber. */
  static List<SnapshotSource.Item> page(Connection connection, Optional<String> after, int limit) {
    return JdbcClient.create(new SingleConnectionDataSource(connection, true))
        .sql("SELECT id, name, email FROM users WHERE id > :after ORDER BY id LIMIT :limit")
        .param("after", after.orElse(""))
        .param("limit", limit)
        .query(User.class)
        .stream()
        .map(user -> new SnapshotSource.Item(user.id(), UserChanged.of(user)))
        .toList();
  }
}
