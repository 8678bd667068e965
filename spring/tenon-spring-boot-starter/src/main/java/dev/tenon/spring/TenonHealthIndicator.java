package dev.tenon.spring;

import dev.tenon.global.GlobalTransactionException;
import dev.tenon.global.GlobalTransactions;
import dev.tenon.global.OpenCounts;
import dev.tenon.messaging.FailedMessages;
import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.MessagingException;
import dev.tenon.messaging.Subscriptions;
import dev.tenon.schema.ServiceDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.springframework.boot.health.contributor.AbstractHealthIndicator;
import org.springframework.boot.health.contributor.Health;

/**
 * DOWN when the service's own database cannot be reached. Everything else is detail: a subscriber
 * that lags, another service that is away, or a parked message, branch or saga need a person, not a
 * restart.
 */
final class TenonHealthIndicator extends AbstractHealthIndicator {
  /** Parked messages are counted up to here. */
  static final int PARKED_MAX = 100;

  private static final int VALID_SECONDS_MAX = 2;

  private final ServiceDatabase database;
  private final Messaging messaging;
  private final Optional<GlobalTransactions> global;

  TenonHealthIndicator(
      ServiceDatabase database, Messaging messaging, Optional<GlobalTransactions> global) {
    super("Tenon's health check failed");
    this.database = database;
    this.messaging = messaging;
    this.global = global;
  }

  @Override
  protected void doHealthCheck(Health.Builder health) throws SQLException {
    health.withDetail("service", database.service());
    try (Connection connection = database.dataSource().getConnection()) {
      if (!connection.isValid(VALID_SECONDS_MAX)) {
        health.down().withDetail("reason", "the database does not answer");
        return;
      }
    }
    health.up();
    try {
      describe(health);
      global.ifPresent(some -> health.withDetail("transactions", counted(some.counts())));
    } catch (MessagingException | GlobalTransactionException e) {
      // The database answers: a list that fails makes no service unfit for its users.
      health.withDetail("details", "not available: " + e.getMessage());
    }
  }

  private void describe(Health.Builder health) {
    Subscriptions subscriptions = messaging.subscriptions();
    int parked = messaging.failedMessages().list(FailedMessages.Filter.PARKED, PARKED_MAX).size();
    List<Subscriptions.Slot> slots = subscriptions.slots();
    health
        .withDetail("subscribers", lags(subscriptions.subscribers()))
        .withDetail("subscriptions", owned(slots))
        .withDetail("held", held(slots))
        .withDetail("parked", upTo(PARKED_MAX, parked));
  }

  private static String upTo(int most, long count) {
    return count < most ? String.valueOf(count) : most + " or more";
  }

  /** What has not ended, and since when the oldest of it is open. */
  private static Map<String, String> counted(OpenCounts counts) {
    OpenCounts.Decisions decisions = counts.decisions();
    OpenCounts.OpenBranches branches = counts.branches();
    Map<String, String> details = new LinkedHashMap<>();
    details.put("decisions", upTo(OpenCounts.COUNT_MAX, decisions.open()));
    details.put("decisionsWithProblem", upTo(OpenCounts.COUNT_MAX, decisions.withProblem()));
    decisions.oldest().ifPresent(time -> details.put("oldestDecision", time.toString()));
    details.put("branchesInDoubt", upTo(OpenCounts.COUNT_MAX, branches.inDoubt()));
    branches.oldest().ifPresent(time -> details.put("oldestBranchInDoubt", time.toString()));
    details.put("branchesParked", upTo(OpenCounts.COUNT_MAX, branches.parked()));
    OpenCounts.OpenSagas sagas = counts.sagas();
    details.put("pivotsInDoubt", upTo(OpenCounts.COUNT_MAX, sagas.pivotsInDoubt()));
    details.put("sagasParked", upTo(OpenCounts.COUNT_MAX, sagas.parked()));
    return details;
  }

  /** How many messages the slowest slot of each subscriber has not read. */
  private static Map<String, Long> lags(List<Subscriptions.Subscriber> subscribers) {
    Map<String, Long> lags = new TreeMap<>();
    for (Subscriptions.Subscriber each : subscribers) {
      lags.merge(each.subscriber() + "/" + each.subscription(), each.lag(), Math::max);
    }
    return lags;
  }

  /** The slots that read nothing more until failed messages are done with. */
  private static List<String> held(List<Subscriptions.Slot> slots) {
    return slots.stream()
        .filter(Subscriptions.Slot::held)
        .map(slot -> slot.subscription() + "#" + slot.slot())
        .toList();
  }

  /** How many slots of each subscription some instance works on, and of how many. */
  private static Map<String, String> owned(List<Subscriptions.Slot> slots) {
    Map<String, Integer> owned = new TreeMap<>();
    Map<String, Integer> all = new TreeMap<>();
    for (Subscriptions.Slot slot : slots) {
      owned.merge(slot.subscription(), slot.owner().isPresent() ? 1 : 0, Integer::sum);
      all.merge(slot.subscription(), 1, Integer::sum);
    }
    Map<String, String> shares = new TreeMap<>();
    all.forEach((id, count) -> shares.put(id, owned.get(id) + " of " + count + " slots owned"));
    return shares;
  }
}
