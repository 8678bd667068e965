package dev.tenon.global;

import dev.tenon.transaction.spi.LocalCommit;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Deletes decisions that nobody needs any more, and sagas that ended long ago. Before, and with a
 * commit of its own, it raises the horizon, so that nobody who misses a decision takes it for one
 * that was never made. Thread-safe.
 */
final class Forgetting {
  /** The horizon stays behind the starts of transactions that may still commit by this much. */
  static final Duration MARGIN = Duration.ofHours(1);

  /** Instances whose lease lapsed so long ago are not shown any more. */
  private static final Duration INSTANCES_KEPT = Duration.ofHours(1);

  private static final String RAISE =
      "WITH durable AS ("
          + TenonTables.FORCE_DURABLE
          + ") UPDATE tenon.global_horizon SET forgotten_before = ?::timestamptz FROM durable"
          + " WHERE forgotten_before < ?::timestamptz";

  /**
   * The same rule as {@link Protocol#mayForget}, and nothing that is still to be told; and nothing
   * that says how a saga goes on, be it that a person lets it.
   */
  private static final String DELETE =
      "DELETE FROM tenon.global_decision WHERE xid IN (SELECT d.xid FROM tenon.global_decision d,"
          + " tenon.global_horizon h, (SELECT clock_timestamp() AS now, ? * interval '1 ms' AS"
          + " keep) AS t WHERE d.acknowledged_at IS NOT NULL AND CASE d.outcome WHEN 'ABORTED' THEN"
          + " t.now > d.deadline + t.keep WHEN 'COMMITTED' THEN t.now > d.acknowledged_at + t.keep"
          + " AND d.started_at <= h.forgotten_before END AND NOT EXISTS (SELECT FROM tenon.saga s"
          + " WHERE s.xid = d.xid AND s.state IN ('FORWARD', 'PARKED')) LIMIT ?)";

  private final GlobalParts parts;
  private final DecisionStore store;
  private final SagaStore sagas;

  Forgetting(GlobalParts parts, DecisionStore store) {
    this.parts = parts;
    this.store = store;
    this.sagas = new SagaStore(parts.tables());
  }

  /** Forgets all that may be forgotten; says how many decisions that were, sagas not counted. */
  int forget() throws SQLException {
    LocalCommit.run(parts.dataSource(), this::raise);
    int deleted = 0;
    int batch;
    do {
      batch = LocalCommit.run(parts.dataSource(), this::delete);
      deleted += batch;
    } while (batch == parts.config().batchMax());
    do {
      batch = LocalCommit.run(parts.dataSource(), this::deleteSagas);
    } while (batch == parts.config().batchMax());
    LocalCommit.run(parts.dataSource(), this::count);
    return deleted;
  }

  /** Raises the horizon, but not past what may still commit. */
  private boolean raise(Connection connection) throws SQLException {
    Instant horizon = now(connection).minus(parts.config().keep()).minus(MARGIN);
    Optional<Instant> oldest = sagas.oldestUndecided(connection);
    if (oldest.isPresent() && !oldest.get().isAfter(horizon)) {
      horizon = oldest.get().minusMillis(1);
    }
    try (PreparedStatement update = parts.tables().prepare(connection, RAISE)) {
      update.setObject(1, DecisionStore.time(horizon));
      update.setObject(2, DecisionStore.time(horizon));
      return update.executeUpdate() == 1;
    }
  }

  private Instant now(Connection connection) throws SQLException {
    try (PreparedStatement select =
            parts.tables().prepare(connection, store.timed("SELECT clock_timestamp() AS now"));
        ResultSet row = select.executeQuery()) {
      row.next();
      return DecisionStore.instant(row, "now");
    }
  }

  private int delete(Connection connection) throws SQLException {
    try (PreparedStatement delete = parts.tables().prepare(connection, store.timed(DELETE))) {
      delete.setLong(1, parts.config().keep().toMillis());
      delete.setInt(2, parts.config().batchMax());
      return delete.executeUpdate();
    }
  }

  private int deleteSagas(Connection connection) throws SQLException {
    Instant before = now(connection).minus(parts.config().keep());
    return sagas.deleteEnded(connection, before, parts.config().batchMax());
  }

  private boolean count(Connection connection) throws SQLException {
    try (PreparedStatement delete =
        parts
            .tables()
            .prepare(
                connection,
                store.timed(
                    "DELETE FROM tenon.global_instance"
                        + " WHERE lease_until < clock_timestamp() - ? * interval '1 ms'"))) {
      delete.setLong(1, INSTANCES_KEPT.toMillis());
      delete.executeUpdate();
    }
    parts
        .metrics()
        .openNow(OpenCounter.count(parts.tables(), parts.transactions().database(), connection));
    return true;
  }
}
