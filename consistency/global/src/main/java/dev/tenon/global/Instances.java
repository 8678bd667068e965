package dev.tenon.global;

import dev.tenon.global.GlobalTransactionException.Told;
import dev.tenon.runtime.IdGenerator;
import dev.tenon.transaction.spi.LocalCommit;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * This process among the instances of its service: its lease by the database's clock, and which
 * history the database is in. Thread-safe.
 */
final class Instances {
  private final GlobalParts parts;
  private final DecisionStore store;
  private final IdGenerator ids;
  private volatile UUID id;
  private volatile boolean registered;
  private volatile @Nullable String incarnation;

  Instances(GlobalParts parts, DecisionStore store) {
    this.parts = parts;
    this.store = store;
    this.ids = parts.runtime().ids();
    this.id = ids.next();
  }

  /**
   * The condition, in SQL, under which an instance has a lease.
   *
   * @param owner the column with the instance's id
   */
  static String live(String owner) {
    return "EXISTS (SELECT FROM tenon.global_instance i WHERE i.id = "
        + owner
        + " AND i.lease_until > clock_timestamp())";
  }

  /** The id under which this process owns decisions. */
  UUID id() {
    return id;
  }

  /** Which history the database was in when it was last looked at. */
  String incarnation() {
    String known = incarnation;
    if (known == null) {
      try {
        known = store.incarnation();
        incarnation = known;
      } catch (SQLException e) {
        throw new GlobalTransactionException(
            "Could not start a distributed transaction [service="
                + parts.service()
                + "]: "
                + e.getMessage()
                + ". Check that the database can be reached.",
            Told.ABORTED,
            e);
      }
    }
    return known;
  }

  /** The database is another one, or has lost something. */
  void forgetIncarnation() {
    incarnation = null;
  }

  /**
   * Renews the lease.
   *
   * @return whether it was held all the time; if not, this process goes on under another id, and
   *     what it owned is anybody's
   */
  boolean renew() throws SQLException {
    boolean held = registered && update() == 1;
    if (held || !registered) {
      if (!registered) {
        insert();
        registered = true;
      }
      return true;
    }
    id = ids.next();
    insert();
    return false;
  }

  private int update() throws SQLException {
    return execute(
        "UPDATE tenon.global_instance SET lease_until = clock_timestamp() + ? * interval '1 ms'"
            + " WHERE id = ? AND lease_until > clock_timestamp()");
  }

  private void insert() throws SQLException {
    execute(
        "INSERT INTO tenon.global_instance (lease_until, id)"
            + " VALUES (clock_timestamp() + ? * interval '1 ms', ?) ON CONFLICT (id)"
            + " DO UPDATE SET lease_until = excluded.lease_until");
  }

  private int execute(String sql) throws SQLException {
    return LocalCommit.run(
        parts.dataSource(),
        connection -> {
          try (PreparedStatement statement = parts.tables().prepare(connection, store.timed(sql))) {
            statement.setLong(1, parts.config().lease().toMillis());
            statement.setObject(2, id);
            return statement.executeUpdate();
          }
        });
  }

  /** Gives everything up, so that nobody waits for the lease. */
  void leave() throws SQLException {
    LocalCommit.run(
        parts.dataSource(),
        (Connection connection) -> {
          try (PreparedStatement delete =
              parts
                  .tables()
                  .prepare(connection, "DELETE FROM tenon.global_instance WHERE id = ?")) {
            delete.setObject(1, id);
            return delete.executeUpdate();
          }
        });
  }
}
