package dev.tenon.global;

import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The rows of sagas. Whoever runs one owns its row, under a fence that grows with each owner; every
 * commit of a run ends with an update of the row under that fence, so a run that lost its saga
 * commits nothing.
 */
final class SagaStore {
  private static final String COLUMNS =
      "xid_text, type, id, fingerprint, input, state, history, attempts, fence, wake_at, awaits,"
          + " started_at, owner, error, result, pivot, failures";
  private static final String UNDER_WAY = "state IN ('RUNNING', 'FORWARD')";
  private static final String BETWEEN_STEPS = " ";

  private final TenonTables tables;

  SagaStore(TenonTables tables) {
    this.tables = tables;
  }

  /** A saga as it is stored. */
  record Row(
      String header,
      Xid xid,
      String type,
      String id,
      String fingerprint,
      byte[] input,
      Sagas.State state,
      List<String> history,
      int attempts,
      long fence,
      Instant wakeAt,
      Optional<String> awaits,
      Instant startedAt,
      Optional<UUID> owner,
      Optional<String> error,
      Optional<byte[]> result,
      Optional<String> pivot,
      int failures) {

    /** Whether a pivot was sent whose answer is not stored. */
    boolean inDoubt() {
      return pivot.isPresent() && state == Sagas.State.RUNNING;
    }

    Sagas.Status status() {
      boolean asleep = owner.isEmpty() && state == Sagas.State.RUNNING;
      return new Sagas.Status(
          xid,
          type,
          id,
          state,
          history,
          startedAt,
          asleep ? Optional.of(wakeAt) : Optional.empty(),
          awaits,
          error);
    }
  }

  /** Another instance runs the saga. */
  static final class LostException extends SQLException {
    private static final long serialVersionUID = 1L;

    LostException(Xid xid) {
      super("another instance runs the saga " + xid);
    }
  }

  /** When the oldest saga was started that may still be committed. */
  Optional<Instant> oldestUndecided(Connection connection) throws SQLException {
    try (PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT min(started_at) FROM tenon.saga WHERE state IN ('RUNNING', 'PARKED')"
                    + " AND deadline > clock_timestamp()");
        ResultSet row = select.executeQuery()) {
      row.next();
      return Optional.ofNullable(row.getObject(1, OffsetDateTime.class))
          .map(OffsetDateTime::toInstant);
    }
  }

  /** Adds a saga to the open unit of work, owned already; empty if there is one. */
  Optional<Row> insert(
      Connection connection,
      Xid xid,
      String header,
      SagaType<?, ?> type,
      String id,
      String fingerprint,
      byte[] input,
      UUID owner)
      throws SQLException {
    try (PreparedStatement insert =
        tables.prepare(
            connection,
            "WITH durable AS ("
                + TenonTables.FORCE_DURABLE
                + ") INSERT INTO tenon.saga (xid, xid_text, type, id, fingerprint, input, state,"
                + " owner, fence, wake_at, started_at, deadline) SELECT ?::uuid, ?::text, ?::text,"
                + " ?::text, ?::text, ?::bytea, 'RUNNING', ?::uuid, 1, ?::timestamptz,"
                + " ?::timestamptz, ?::timestamptz FROM durable ON CONFLICT DO NOTHING RETURNING "
                + COLUMNS)) {
      insert.setObject(1, xid.id());
      insert.setString(2, header);
      insert.setString(3, type.name());
      insert.setString(4, id);
      insert.setString(5, fingerprint);
      insert.setBytes(6, input);
      insert.setObject(7, owner);
      insert.setObject(8, time(xid.startedAt()));
      insert.setObject(9, time(xid.startedAt()));
      insert.setObject(10, time(xid.deadline()));
      try (ResultSet row = insert.executeQuery()) {
        return row.next() ? Optional.of(read(row)) : Optional.empty();
      }
    }
  }

  Optional<Row> find(Connection connection, String type, String id) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection, "SELECT " + COLUMNS + " FROM tenon.saga WHERE type = ? AND id = ?")) {
      select.setString(1, type);
      select.setString(2, id);
      try (ResultSet row = select.executeQuery()) {
        return row.next() ? Optional.of(read(row)) : Optional.empty();
      }
    }
  }

  /**
   * Takes sagas that are due, whose owner is no longer alive, or that are the taker's own without
   * its knowing, as after a commit whose answer was lost. The rows are skipped while another
   * instance takes them.
   *
   * @param inHand what the taker knows to be its own
   * @param live the condition under which an owner is alive, on {@code owner}
   */
  List<Row> take(
      Connection connection,
      UUID owner,
      Collection<String> types,
      Instant now,
      String live,
      Set<UUID> inHand,
      int most)
      throws SQLException {
    List<Row> taken = new ArrayList<>();
    try (PreparedStatement update =
        tables.prepare(
            connection,
            "UPDATE tenon.saga SET owner = ?, fence = fence + 1, awaits = NULL"
                + " WHERE xid IN (SELECT xid FROM tenon.saga WHERE type = ANY (?) AND "
                + UNDER_WAY
                + " AND (owner IS NULL AND wake_at <= ? OR owner IS NOT NULL AND NOT ("
                + live
                + ") OR owner = ? AND NOT xid = ANY (?))"
                + " ORDER BY wake_at LIMIT ? FOR UPDATE SKIP LOCKED) RETURNING "
                + COLUMNS)) {
      update.setObject(1, owner);
      update.setArray(2, connection.createArrayOf("text", types.toArray()));
      update.setObject(3, time(now));
      update.setObject(4, owner);
      update.setArray(5, connection.createArrayOf("uuid", inHand.toArray()));
      update.setInt(6, most);
      try (ResultSet row = update.executeQuery()) {
        while (row.next()) {
          taken.add(read(row));
        }
      }
    }
    return taken;
  }

  /** What a commit of a run changes in its row. */
  record Change(
      Sagas.State state,
      boolean release,
      @Nullable Instant wakeAt,
      @Nullable String awaits,
      int attempts,
      int failures,
      @Nullable String error,
      byte @Nullable [] result) {

    /** The run goes on. */
    static Change goOn(Sagas.State state) {
      return new Change(state, false, null, null, 0, 0, null, null);
    }

    /** The saga is put aside until a time, or a signal. */
    static Change sleep(Sagas.State state, Instant wakeAt, @Nullable String awaits) {
      return new Change(state, true, wakeAt, awaits, 0, 0, null, null);
    }

    /**
     * A run is repeated.
     *
     * @param attempts runs that were not done, since the last that went on
     * @param failures of those, the ones in which the code failed
     */
    static Change again(
        Sagas.State state, Instant wakeAt, int attempts, int failures, String error) {
      return new Change(state, true, wakeAt, null, attempts, failures, error, null);
    }

    /** It has ended, or waits for a person. */
    static Change end(Sagas.State state, @Nullable String error, byte @Nullable [] result) {
      return new Change(state, true, null, null, 0, 0, error, result);
    }
  }

  /**
   * Writes the row, as the last statement of a transaction.
   *
   * @throws LostException if the run does not own the saga any more; the transaction must roll back
   */
  void advance(Connection connection, Row row, String fingerprint, List<String> path, Change change)
      throws SQLException {
    write(connection, row, fingerprint, String.join(BETWEEN_STEPS, path), change);
  }

  /** The same, but leaves the history as it is. */
  void put(Connection connection, Row row, Change change) throws SQLException {
    write(connection, row, null, null, change);
  }

  private void write(
      Connection connection,
      Row row,
      @Nullable String fingerprint,
      @Nullable String path,
      Change change)
      throws SQLException {
    boolean ended = change.state() == Sagas.State.DONE || change.state() == Sagas.State.ABORTED;
    try (PreparedStatement update =
        tables.prepare(
            connection,
            "UPDATE tenon.saga SET state = CASE WHEN state = 'FORWARD' AND ? = 'RUNNING'"
                + " THEN state ELSE ? END, fingerprint = coalesce(?, fingerprint),"
                + " history = coalesce(?, history),"
                + " owner = CASE WHEN ? THEN NULL ELSE owner END,"
                + " wake_at = coalesce(?, wake_at), awaits = ?, attempts = ?, failures = ?,"
                + " error = ?, result = ?, ended_at = CASE WHEN ? THEN clock_timestamp() END"
                + " WHERE xid = ? AND fence = ? AND owner IS NOT NULL AND "
                + UNDER_WAY)) {
      update.setString(1, change.state().name());
      update.setString(2, change.state().name());
      update.setString(3, fingerprint);
      update.setString(4, path);
      update.setBoolean(5, change.release());
      Instant wakeAt = change.wakeAt();
      update.setObject(6, wakeAt == null ? null : time(wakeAt), Types.TIMESTAMP_WITH_TIMEZONE);
      update.setString(7, change.awaits());
      update.setInt(8, change.attempts());
      update.setInt(9, change.failures());
      update.setString(10, change.error());
      update.setBytes(11, change.result());
      update.setBoolean(12, ended);
      update.setObject(13, row.xid().id());
      update.setLong(14, row.fence());
      if (update.executeUpdate() != 1) {
        throw new LostException(row.xid());
      }
    }
  }

  /** Notes the step of a pivot that is sent; the fence is checked by the end of the transaction. */
  void sendPivot(Connection connection, Row row, String step) throws SQLException {
    try (PreparedStatement update =
        tables.prepare(connection, "UPDATE tenon.saga SET pivot = ? WHERE xid = ? AND fence = ?")) {
      update.setString(1, step);
      update.setObject(2, row.xid().id());
      update.setLong(3, row.fence());
      if (update.executeUpdate() != 1) {
        throw new LostException(row.xid());
      }
    }
  }

  /** Locks the row, so that no signal can be sent until the transaction ends. */
  void lock(Connection connection, Row row) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT 1 FROM tenon.saga WHERE xid = ? AND fence = ? AND owner IS NOT NULL"
                + " FOR UPDATE")) {
      select.setObject(1, row.xid().id());
      select.setLong(2, row.fence());
      try (ResultSet found = select.executeQuery()) {
        if (!found.next()) {
          throw new LostException(row.xid());
        }
      }
    }
  }

  Optional<byte[]> signal(Connection connection, Xid xid, String name) throws SQLException {
    try (PreparedStatement select =
        tables.prepare(
            connection, "SELECT payload FROM tenon.saga_signal WHERE xid = ? AND name = ?")) {
      select.setObject(1, xid.id());
      select.setString(2, name);
      try (ResultSet row = select.executeQuery()) {
        return row.next() ? Optional.of(row.getBytes(1)) : Optional.empty();
      }
    }
  }

  /** Keeps a signal, and wakes the saga if it waits for it; says whether it is under way. */
  boolean send(UnitOfWork unit, String type, String id, String name, byte[] payload, Instant now)
      throws SQLException {
    try (PreparedStatement insert =
            tables.prepare(
                unit.connection(),
                "WITH durable AS ("
                    + TenonTables.FORCE_DURABLE
                    + ") INSERT INTO tenon.saga_signal (xid, name, payload)"
                    + " SELECT xid, ?, ? FROM durable, tenon.saga WHERE type = ? AND id = ? AND "
                    + UNDER_WAY
                    + " ON CONFLICT DO NOTHING");
        PreparedStatement wake =
            tables.prepare(
                unit.connection(),
                "UPDATE tenon.saga SET wake_at = CASE WHEN awaits = ? THEN ? ELSE wake_at END"
                    + " WHERE type = ? AND id = ? AND "
                    + UNDER_WAY)) {
      insert.setString(1, name);
      insert.setBytes(2, payload);
      insert.setString(3, type);
      insert.setString(4, id);
      insert.executeUpdate();
      wake.setString(1, name);
      wake.setObject(2, time(now));
      wake.setString(3, type);
      wake.setString(4, id);
      return wake.executeUpdate() == 1;
    }
  }

  /**
   * Deletes sagas that have ended, each not before its decision; says how many.
   *
   * @param before when they must have ended, and their deadlines passed
   */
  int deleteEnded(Connection connection, Instant before, int most) throws SQLException {
    try (PreparedStatement delete =
        tables.prepare(
            connection,
            "WITH gone AS (DELETE FROM tenon.saga WHERE xid IN (SELECT xid FROM tenon.saga s"
                + " WHERE ended_at < ? AND deadline < ? AND state IN ('DONE', 'ABORTED')"
                + " AND NOT EXISTS (SELECT FROM tenon.global_decision d WHERE d.xid = s.xid)"
                + " LIMIT ?) RETURNING xid), signals AS (DELETE FROM tenon.saga_signal"
                + " WHERE xid IN (SELECT xid FROM gone)) SELECT count(*) FROM gone")) {
      delete.setObject(1, time(before));
      delete.setObject(2, time(before));
      delete.setInt(3, most);
      try (ResultSet row = delete.executeQuery()) {
        row.next();
        return row.getInt(1);
      }
    }
  }

  private static Row read(ResultSet row) throws SQLException {
    String header = row.getString("xid_text");
    String history = row.getString("history");
    return new Row(
        header,
        Xid.parse(header.substring(0, header.indexOf('.'))),
        row.getString("type"),
        row.getString("id"),
        row.getString("fingerprint"),
        row.getBytes("input"),
        Sagas.State.valueOf(row.getString("state")),
        history.isEmpty() ? List.of() : List.of(history.split(BETWEEN_STEPS)),
        row.getInt("attempts"),
        row.getLong("fence"),
        row.getObject("wake_at", OffsetDateTime.class).toInstant(),
        Optional.ofNullable(row.getString("awaits")),
        row.getObject("started_at", OffsetDateTime.class).toInstant(),
        Optional.ofNullable(row.getObject("owner", UUID.class)),
        Optional.ofNullable(row.getString("error")),
        Optional.ofNullable(row.getBytes("result")),
        Optional.ofNullable(row.getString("pivot")),
        row.getInt("failures"));
  }

  private static OffsetDateTime time(Instant instant) {
    return instant.atOffset(ZoneOffset.UTC);
  }
}
