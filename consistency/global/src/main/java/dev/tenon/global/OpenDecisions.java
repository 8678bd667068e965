package dev.tenon.global;

import dev.tenon.transaction.spi.LocalCommit;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * The stored decisions that not all participants have acknowledged: who tells them, and when again.
 * What is written here is only work saved: losing it repeats orders, which does no harm. So its
 * commits wait for no disk. Thread-safe.
 */
final class OpenDecisions {
  /** How long it takes until participants are told again that have a problem. */
  static final Duration PROBLEM_RETRY = Duration.ofMinutes(5);

  private static final String HASTY =
      "WITH hasty AS (SELECT set_config('synchronous_commit', 'off', true)) ";

  private static final String TAKE =
      HASTY
          + "UPDATE tenon.global_decision SET owner = ?, attempts = attempts + 1,"
          + " next_at = clock_timestamp() + interval '1 ms' * (CASE WHEN problem IS NULL THEN"
          + " least(? * power(2, least(attempts, 30)), ?) * (0.5 + random() / 2) ELSE ? END)"
          + " FROM hasty WHERE xid IN (SELECT o.xid FROM tenon.global_decision o"
          + " WHERE o.acknowledged_at IS NULL AND ";

  private static final String TAKEN =
      " LIMIT ? FOR UPDATE SKIP LOCKED) RETURNING xid, xid_text, outcome, branches";

  private static final String DUE = "o.owner = ? AND o.next_at <= clock_timestamp()";

  private static final String LAPSED = "o.owner <> ? AND NOT " + Instances.live("o.owner");

  private final GlobalParts parts;
  private final DecisionStore store;

  OpenDecisions(GlobalParts parts, DecisionStore store) {
    this.parts = parts;
    this.store = store;
  }

  /** A decision that is to be carried out. */
  record Open(UUID id, String header, Decision decision) {}

  /** Takes up this instance's decisions whose time has come, each later the next time. */
  List<Open> due(UUID instance) throws SQLException {
    return take(DUE, instance);
  }

  /** Takes decisions over from instances that are no more. */
  List<Open> lapsed(UUID instance) throws SQLException {
    return take(LAPSED, instance);
  }

  private List<Open> take(String which, UUID instance) throws SQLException {
    return LocalCommit.run(
        parts.dataSource(),
        connection -> {
          try (PreparedStatement update =
              parts.tables().prepare(connection, store.timed(TAKE + which + TAKEN))) {
            update.setObject(1, instance);
            update.setLong(2, parts.config().endBackoff().first().toMillis());
            update.setLong(3, parts.config().endBackoff().longest().toMillis());
            update.setLong(4, PROBLEM_RETRY.toMillis());
            update.setObject(5, instance);
            update.setInt(6, parts.config().batchMax());
            List<Open> taken = new ArrayList<>();
            try (ResultSet row = update.executeQuery()) {
              while (row.next()) {
                taken.add(
                    new Open(
                        row.getObject("xid", UUID.class),
                        row.getString("xid_text"),
                        DecisionStore.decision(
                            row.getString("outcome"), row.getString("branches"))));
              }
            }
            return taken;
          }
        });
  }

  /**
   * Notes what participants have said.
   *
   * @param ended the transactions whose participants were all told; with what needs a person, or
   *     nothing
   */
  void ended(Map<UUID, String> ended) throws SQLException {
    List<UUID> done = new ArrayList<>();
    ended.forEach(
        (id, problem) -> {
          if (problem.isEmpty()) {
            done.add(id);
          }
        });
    LocalCommit.run(
        parts.dataSource(),
        connection -> {
          acknowledge(connection, done);
          for (Map.Entry<UUID, String> entry : ended.entrySet()) {
            if (!entry.getValue().isEmpty()) {
              keep(connection, entry.getKey(), entry.getValue());
            }
          }
          return true;
        });
  }

  private void acknowledge(Connection connection, List<UUID> done) throws SQLException {
    try (PreparedStatement update =
        parts
            .tables()
            .prepare(
                connection,
                store.timed(
                    HASTY
                        + "UPDATE tenon.global_decision SET acknowledged_at = clock_timestamp(),"
                        + " owner = NULL, next_at = NULL, problem = NULL"
                        + " FROM hasty WHERE xid = ANY (?) AND acknowledged_at IS NULL"))) {
      update.setArray(1, connection.createArrayOf("uuid", done.toArray()));
      update.executeUpdate();
    }
  }

  private void keep(Connection connection, UUID id, String problem) throws SQLException {
    try (PreparedStatement update =
        parts
            .tables()
            .prepare(
                connection,
                store.timed(
                    "UPDATE tenon.global_decision SET problem = ?,"
                        + " next_at = clock_timestamp() + ? * interval '1 ms'"
                        + " WHERE xid = ? AND acknowledged_at IS NULL"))) {
      update.setString(1, problem);
      update.setLong(2, PROBLEM_RETRY.toMillis());
      update.setObject(3, id);
      update.executeUpdate();
    }
  }
}
