package dev.tenon.global;

import dev.tenon.schema.ServiceDatabase;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Optional;

/** Counts what has not ended in a service's database. */
final class OpenCounter {
  private static final String COUNT =
      "SELECT d.*, b.*, p.*, s.*, v.* FROM"
          + " (SELECT count(*) AS decisions, count(problem) AS problems,"
          + " min(decided_at) AS oldest_decision FROM (SELECT problem, decided_at"
          + " FROM tenon.global_decision WHERE acknowledged_at IS NULL AND "
          + DecisionStore.DECIDED
          + " LIMIT ?) AS counted) AS d,"
          + " (SELECT count(*) AS in_doubt, min(opened_at) AS oldest_branch FROM (SELECT opened_at"
          + " FROM tenon.branch WHERE next_at IS NOT NULL AND wanted IS NULL"
          + " AND state <> 'PARKED' UNION ALL SELECT prepared FROM pg_prepared_xacts"
          + " WHERE database = current_database() AND starts_with(gid, ?)"
          + " AND gid NOT IN (SELECT gid FROM tenon.prepared) LIMIT ?) AS counted) AS b,"
          + " (SELECT count(*) AS parked FROM (SELECT 1 FROM tenon.branch"
          + " WHERE state = 'PARKED' UNION ALL SELECT 1 FROM tenon.prepared"
          + " WHERE wanted IS NULL LIMIT ?) AS counted) AS p,"
          + " (SELECT count(*) AS sagas FROM (SELECT FROM tenon.saga"
          + " WHERE state = 'PARKED' LIMIT ?) AS counted) AS s,"
          + " (SELECT count(*) AS pivots FROM (SELECT FROM tenon.global_decision"
          + " WHERE acknowledged_at IS NULL AND NOT ("
          + DecisionStore.DECIDED
          + ") LIMIT ?) AS counted) AS v";

  private static final int GID = 2;
  private static final int[] LIMITS = {1, 3, 4, 5, 6};

  private OpenCounter() {}

  /**
   * Counts.
   *
   * @param own the service's database, on which the connection is
   */
  static OpenCounts count(TenonTables tables, ServiceDatabase own, Connection connection)
      throws SQLException {
    try (PreparedStatement select = tables.prepare(connection, COUNT)) {
      for (int limit : LIMITS) {
        select.setInt(limit, OpenCounts.COUNT_MAX);
      }
      String place = Gid.place(own.service(), own.tenonSchema(), "");
      select.setString(GID, Gid.beginning(place));
      try (ResultSet row = select.executeQuery()) {
        row.next();
        return new OpenCounts(
            new OpenCounts.Decisions(
                row.getLong("decisions"), row.getLong("problems"), time(row, "oldest_decision")),
            new OpenCounts.OpenBranches(
                row.getLong("in_doubt"), row.getLong("parked"), time(row, "oldest_branch")),
            new OpenCounts.OpenSagas(row.getLong("pivots"), row.getLong("sagas")));
      }
    }
  }

  private static Optional<Instant> time(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getObject(column, OffsetDateTime.class))
        .map(OffsetDateTime::toInstant);
  }
}
