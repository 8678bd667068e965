package dev.tenon.messaging;

import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.spi.LocalCommit;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The subscriptions, both ways, in the service's own database. */
final class StoredSubscriptions implements Subscriptions {
  private static final Logger log = LoggerFactory.getLogger(StoredSubscriptions.class);
  private static final Duration RESTART_MAX = Duration.ofMinutes(1);

  private final MessagingParts parts;
  private final SubscriberStore subscribers;
  private final SlotStore slots;

  StoredSubscriptions(MessagingParts parts, SubscriberStore subscribers, SlotStore slots) {
    this.parts = parts;
    this.subscribers = subscribers;
    this.slots = slots;
  }

  @Override
  public List<Subscriber> subscribers() {
    try {
      return subscribers.list();
    } catch (SQLException e) {
      throw failed("list subscribers", e);
    }
  }

  @Override
  public int forget(String subscriber, String subscription) {
    try {
      return subscribers.forget(subscriber, subscription);
    } catch (SQLException e) {
      throw failed("forget a subscriber", e);
    }
  }

  @Override
  public List<Slot> slots() {
    try {
      return slots.list(parts.config().failedKeysMax());
    } catch (SQLException e) {
      throw failed("list subscriptions", e);
    }
  }

  /**
   * First the fences are raised, in a commit of their own: whatever is in progress can no longer
   * commit. Only then is wiped, so that nothing comes back after the wipe.
   */
  @Override
  public void restart(String subscriptionId, Transactions.Action<SQLException> wipe)
      throws SQLException {
    Subscription known = parts.subscriptions().get(subscriptionId);
    if (known != null && known.start() == Subscription.Start.NOW) {
      throw new MessagingException(
          "Could not restart a subscription [service="
              + parts.service()
              + ", subscription="
              + subscriptionId
              + "]: it starts from now, so nothing would come again. Let it start from the"
              + " beginning.");
    }
    UUID restart = parts.runtime().ids().next();
    int fenced =
        LocalCommit.run(
            parts.dataSource(), connection -> fence(connection, subscriptionId, restart));
    if (fenced == 0) {
      throw new MessagingException(
          "Could not restart a subscription [service="
              + parts.service()
              + ", subscription="
              + subscriptionId
              + "]: there is none of that name. Known are "
              + parts.subscriptions().keySet()
              + ".");
    }
    boolean done = false;
    try {
      parts
          .transactions()
          .<SQLException>run(
              unit -> {
                wipe.run(unit);
                unit.beforeCommit(
                    connection -> {
                      if (rewind(connection, subscriptionId, restart) != fenced) {
                        throw overtaken(subscriptionId);
                      }
                    });
              });
      done = true;
    } finally {
      if (!done) {
        letGo(restart);
      }
    }
  }

  /** Delivery goes on from where it was. */
  private void letGo(UUID restart) {
    try (Connection connection = parts.dataSource().getConnection();
        PreparedStatement update =
            parts
                .tables()
                .prepare(
                    connection,
                    "UPDATE tenon.slot SET owner = NULL, lease_until = '-infinity'"
                        + " WHERE owner = ?")) {
      update.setObject(1, restart);
      update.executeUpdate();
    } catch (SQLException e) {
      log.atWarn()
          .addKeyValue("service", parts.service())
          .addKeyValue("reason", e.getMessage())
          .log("slots held for a restart are not released; they lapse by themselves");
    }
  }

  private int fence(Connection connection, String subscriptionId, UUID restart)
      throws SQLException {
    try (PreparedStatement update =
        parts
            .tables()
            .prepare(
                connection,
                "UPDATE tenon.slot SET fence = fence + 1, owner = ?,"
                    + " lease_until = clock_timestamp() + ? * interval '1 ms'"
                    + " WHERE subscription = ?")) {
      update.setObject(1, restart);
      update.setLong(2, RESTART_MAX.toMillis());
      update.setString(3, subscriptionId);
      return update.executeUpdate();
    }
  }

  /** Says how many slots were still held for this restart, and so could be rewound. */
  private int rewind(Connection connection, String subscriptionId, UUID restart)
      throws SQLException {
    for (String sql :
        List.of(
            "DELETE FROM tenon.retry WHERE subscription = ?",
            "DELETE FROM tenon.passed_window WHERE subscription = ?")) {
      try (PreparedStatement statement = parts.tables().prepare(connection, sql)) {
        statement.setString(1, subscriptionId);
        statement.executeUpdate();
      }
    }
    try (PreparedStatement update =
        parts
            .tables()
            .prepare(
                connection,
                "UPDATE tenon.slot SET fence = fence + 1, owner = NULL, lease_until = '-infinity',"
                    + " window_n = NULL, window_id = NULL, seq = NULL, snapshot = NULL"
                    + " WHERE subscription = ? AND owner = ?")) {
      update.setString(1, subscriptionId);
      update.setObject(2, restart);
      return update.executeUpdate();
    }
  }

  private MessagingException overtaken(String subscriptionId) {
    return new MessagingException(
        "Could not restart a subscription [service="
            + parts.service()
            + ", subscription="
            + subscriptionId
            + "]: wiping took longer than "
            + RESTART_MAX.toSeconds()
            + " s, or somebody else restarted it too. Nothing was changed; make the wipe quicker"
            + " (TRUNCATE, or in parts beforehand) and repeat it.");
  }

  private MessagingException failed(String what, SQLException e) {
    return new MessagingException(
        "Could not "
            + what
            + " [service="
            + parts.service()
            + "]: "
            + e.getMessage()
            + ". Check that the database can be reached.",
        e);
  }
}
