package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.transaction.spi.LocalCommit;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import javax.sql.DataSource;

/**
 * Cursors of this service's subscriptions, and who owns them. Leases run by the database's clock.
 * Leases are kept by single statements that commit by themselves, so a process that is paused holds
 * none of their rows. The fence is checked by the last statement of every transaction, and a
 * transaction that idles longer than a part of the lease is ended by the database: a process that
 * was paused can neither write late nor keep its successor waiting. Thread-safe.
 */
final class SlotStore {
  private static final int PASSED_WINDOWS_RECENT = 500;
  private static final int PASSED_WINDOWS_STRIDE = 64;
  static final int PASSED_WINDOWS_MAX = 1_000;

  /** Losing such a commit only shortens a lease. */
  private static final String RELAXED = "SELECT set_config('synchronous_commit', 'off', true)";

  private static final String MOVE =
      "WITH moved AS (UPDATE tenon.slot SET window_n = ?, window_id = ?, seq = ?, snapshot = ?"
          + " WHERE subscription = ? AND slot = ? AND fence = ? AND owner = ?"
          + " RETURNING subscription, slot)";

  private static final String MOVE_ONLY = MOVE + " SELECT count(*) FROM moved";

  private static final String MOVE_AND_NOTE =
      MOVE
          + ", noted AS (INSERT INTO tenon.passed_window (subscription, slot, window_n, window_id)"
          + " SELECT moved.subscription, moved.slot, w.n, w.id"
          + " FROM moved, unnest(?::bigint[], ?::uuid[]) AS w(n, id)"
          + " ON CONFLICT (subscription, slot, window_n)"
          + " DO UPDATE SET window_id = excluded.window_id) SELECT count(*) FROM moved";

  private final DataSource dataSource;
  private final TenonTables tables;
  private final UUID instance;
  private final Duration lease;

  SlotStore(DataSource dataSource, TenonTables tables, UUID instance, Duration lease) {
    this.dataSource = dataSource;
    this.tables = tables;
    this.instance = instance;
    this.lease = lease;
  }

  /** Makes the slots of a subscription unless they are there: all of them, or none. */
  void ensure(String subscription, int slots) throws SQLException {
    LocalCommit.run(
        dataSource,
        connection -> {
          try (PreparedStatement lock =
                  tables.prepare(connection, "SELECT pg_advisory_xact_lock(hashtext(?))");
              PreparedStatement insert =
                  tables.prepare(
                      connection,
                      "INSERT INTO tenon.slot (subscription, slot, slots)"
                          + " SELECT ?, s, ? FROM generate_series(0, ? - 1) s"
                          + " WHERE NOT EXISTS"
                          + " (SELECT 1 FROM tenon.slot WHERE subscription = ?)")) {
            lock.setString(1, tables.sql("tenon.slot ") + subscription);
            lock.execute();
            insert.setString(1, subscription);
            insert.setInt(2, slots);
            insert.setInt(3, slots);
            insert.setString(4, subscription);
            return insert.executeUpdate();
          }
        });
  }

  /** Shows that this instance lives; says what its share of each subscription is. */
  Map<String, Share> beat(Optional<String> address, Set<String> subscriptions) throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      try (PreparedStatement upsert =
          tables.prepare(
              connection,
              "WITH relaxed AS ("
                  + RELAXED
                  + ") INSERT INTO tenon.instance (id, address, subscriptions)"
                  + " SELECT ?::uuid, ?::text, ?::text[] FROM relaxed"
                  + " ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp(),"
                  + " address = excluded.address, subscriptions = excluded.subscriptions")) {
        upsert.setObject(1, instance);
        upsert.setString(2, address.orElse(null));
        upsert.setArray(3, connection.createArrayOf("text", subscriptions.toArray()));
        upsert.executeUpdate();
      }
      return shares(connection);
    }
  }

  /**
   * What part of a subscription is this instance's.
   *
   * @param instances how many living instances read it
   * @param rank how many of them are older than this one
   * @param slots how many slots it has
   */
  record Share(int instances, int rank, int slots) {
    /** An equal part; what cannot be divided goes to the oldest, one each. */
    int most() {
      return slots / instances + (rank < slots % instances ? 1 : 0);
    }
  }

  private Map<String, Share> shares(Connection connection) throws SQLException {
    Map<String, Share> shares = new HashMap<>();
    try (PreparedStatement count =
        tables.prepare(
            connection,
            "SELECT s, count(*), count(*) FILTER (WHERE id < ?),"
                + " (SELECT count(*) FROM tenon.slot WHERE subscription = s)"
                + " FROM tenon.instance, unnest(subscriptions) s"
                + " WHERE seen_at > clock_timestamp() - ? * interval '1 ms' GROUP BY s")) {
      count.setObject(1, instance);
      count.setLong(2, lease.toMillis());
      try (ResultSet row = count.executeQuery()) {
        while (row.next()) {
          shares.put(row.getString(1), new Share(row.getInt(2), row.getInt(3), row.getInt(4)));
        }
      }
    }
    return shares;
  }

  /** The addresses of the other instances that live. */
  List<String> peers() throws SQLException {
    List<String> addresses = new ArrayList<>();
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT address FROM tenon.instance WHERE id <> ? AND address IS NOT NULL"
                    + " AND seen_at > clock_timestamp() - ? * interval '1 ms'")) {
      select.setObject(1, instance);
      select.setLong(2, lease.toMillis());
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          addresses.add(row.getString(1));
        }
      }
    }
    return addresses;
  }

  /** Takes free or lapsed slots, in their order, without waiting for anyone. */
  List<SlotLease> acquire(String subscription, int most) throws SQLException {
    List<SlotLease> taken = new ArrayList<>();
    try (Connection connection = dataSource.getConnection();
        PreparedStatement update =
            tables.prepare(
                connection,
                "WITH durable AS ("
                    + TenonTables.FORCE_DURABLE
                    + "), free AS (SELECT subscription, slot, owner AS former FROM tenon.slot"
                    + " WHERE subscription = ?"
                    + " AND (owner IS NULL OR lease_until < clock_timestamp())"
                    + " ORDER BY slot LIMIT ? FOR UPDATE SKIP LOCKED)"
                    + " UPDATE tenon.slot s SET owner = ?, fence = s.fence + 1,"
                    + " lease_until = clock_timestamp() + ? * interval '1 ms' FROM free, durable"
                    + " WHERE s.subscription = free.subscription AND s.slot = free.slot"
                    + " RETURNING s.subscription, s.slot, s.slots, s.fence, s.window_n,"
                    + " s.window_id, s.seq, s.snapshot, free.former IS NOT NULL AS taken_over")) {
      update.setString(1, subscription);
      update.setInt(2, most);
      update.setObject(3, instance);
      update.setLong(4, lease.toMillis());
      try (ResultSet row = update.executeQuery()) {
        while (row.next()) {
          taken.add(lease(row));
        }
      }
    }
    return taken;
  }

  private static SlotLease lease(ResultSet row) throws SQLException {
    return new SlotLease(
        row.getString("subscription"),
        new FeedRequest.Slot(row.getInt("slot"), row.getInt("slots")),
        row.getLong("fence"),
        cursor(row),
        row.getBoolean("taken_over"));
  }

  private static Optional<Cursor> cursor(ResultSet row) throws SQLException {
    UUID windowId = row.getObject("window_id", UUID.class);
    if (windowId == null) {
      return Optional.empty();
    }
    return Optional.of(
        new Cursor(
            row.getLong("window_n"),
            windowId,
            row.getLong("seq"),
            Optional.ofNullable(row.getString("snapshot"))));
  }

  /** Renews what this instance owns; returns the fence of each, by the lease's id. */
  Map<String, Long> renew() throws SQLException {
    Map<String, Long> fences = new HashMap<>();
    try (Connection connection = dataSource.getConnection();
        PreparedStatement update =
            tables.prepare(
                connection,
                "WITH relaxed AS ("
                    + RELAXED
                    + ") UPDATE tenon.slot"
                    + " SET lease_until = clock_timestamp() + ? * interval '1 ms' FROM relaxed"
                    + " WHERE owner = ? RETURNING subscription, slot, fence")) {
      update.setLong(1, lease.toMillis());
      update.setObject(2, instance);
      try (ResultSet row = update.executeQuery()) {
        while (row.next()) {
          fences.put(row.getString(1) + "#" + row.getInt(2), row.getLong(3));
        }
      }
    }
    return fences;
  }

  /** What this instance owns, without renewing it: the fence of each, by the lease's id. */
  Map<String, Long> fences() throws SQLException {
    Map<String, Long> fences = new HashMap<>();
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection, "SELECT subscription, slot, fence FROM tenon.slot WHERE owner = ?")) {
      select.setObject(1, instance);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          fences.put(row.getString(1) + "#" + row.getInt(2), row.getLong(3));
        }
      }
    }
    return fences;
  }

  /** Gives a slot up, if it is still this instance's. */
  void release(SlotLease owned) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement update =
            tables.prepare(
                connection,
                "UPDATE tenon.slot SET owner = NULL, lease_until = '-infinity'"
                    + " WHERE subscription = ? AND slot = ? AND fence = ?")) {
      update.setString(1, owned.subscription());
      update.setInt(2, owned.slot().index());
      update.setLong(3, owned.fence());
      update.executeUpdate();
    }
  }

  /** Gives up whatever this instance owns and has no worker for. */
  void releaseExcept(Set<String> worked) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement update =
            tables.prepare(
                connection,
                "UPDATE tenon.slot SET owner = NULL, lease_until = '-infinity'"
                    + " WHERE owner = ? AND NOT (subscription || '#' || slot) = ANY (?)")) {
      update.setObject(1, instance);
      update.setArray(2, connection.createArrayOf("text", worked.toArray()));
      update.executeUpdate();
    }
  }

  /** Takes this instance off the list. */
  void leave() throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement delete =
            tables.prepare(
                connection,
                "DELETE FROM tenon.instance WHERE id = ?"
                    + " OR seen_at < clock_timestamp() - interval '1 hour'")) {
      delete.setObject(1, instance);
      delete.executeUpdate();
    }
  }

  /** How long a transaction under a lease may wait for its owner. */
  Duration idleMax() {
    return lease.multipliedBy(2).dividedBy(3);
  }

  /** Begins a transaction under a lease: durable, and ended by the database if it idles. */
  void begin(Connection connection) throws SQLException {
    try (PreparedStatement set =
        tables.prepare(
            connection,
            "SELECT set_config('idle_in_transaction_session_timeout', ?, true), ("
                + TenonTables.FORCE_DURABLE
                + ")")) {
      set.setString(1, Long.toString(idleMax().toMillis()));
      set.execute();
    }
  }

  /**
   * Moves the cursor as the last statement of a transaction.
   *
   * @param passed the windows to note as passed
   * @throws LeaseLostException if another instance owns the slot; the transaction must roll back
   */
  void advance(Connection connection, SlotLease owned, Cursor cursor, List<Cursor> passed)
      throws SQLException {
    try (PreparedStatement update =
        tables.prepare(connection, passed.isEmpty() ? MOVE_ONLY : MOVE_AND_NOTE)) {
      update.setLong(1, cursor.window());
      update.setObject(2, cursor.windowId());
      update.setLong(3, cursor.seq());
      if (cursor.snapshot().isPresent()) {
        update.setString(4, cursor.snapshot().get());
      } else {
        update.setNull(4, Types.VARCHAR);
      }
      update.setString(5, owned.subscription());
      update.setInt(6, owned.slot().index());
      update.setLong(7, owned.fence());
      update.setObject(8, instance);
      if (!passed.isEmpty()) {
        Object[] windows = passed.stream().map(Cursor::window).toArray();
        Object[] windowIds = passed.stream().map(Cursor::windowId).toArray();
        update.setArray(9, connection.createArrayOf("int8", windows));
        update.setArray(10, connection.createArrayOf("uuid", windowIds));
      }
      requireOne(update, owned);
    }
  }

  /** Checks the fence as the last statement of a transaction that moves no cursor. */
  void check(Connection connection, SlotLease owned) throws SQLException {
    try (PreparedStatement update =
        tables.prepare(
            connection,
            "WITH held AS (UPDATE tenon.slot SET fence = fence"
                + " WHERE subscription = ? AND slot = ? AND fence = ? AND owner = ? RETURNING 1)"
                + " SELECT count(*) FROM held")) {
      update.setString(1, owned.subscription());
      update.setInt(2, owned.slot().index());
      update.setLong(3, owned.fence());
      update.setObject(4, instance);
      requireOne(update, owned);
    }
  }

  private static void requireOne(PreparedStatement update, SlotLease owned) throws SQLException {
    try (ResultSet row = update.executeQuery()) {
      row.next();
      if (row.getInt(1) != 1) {
        throw new LeaseLostException(owned.subscription(), owned.slot().index());
      }
    }
  }

  /**
   * The committed cursor of a slot that this instance owns; empty before the first batch. Waits for
   * a commit of ours that is still under way: its connection may have broken before it was done.
   */
  Optional<Cursor> committed(SlotLease owned) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT window_n, window_id, seq, snapshot FROM tenon.slot"
                    + " WHERE subscription = ? AND slot = ? AND fence = ? AND owner = ?"
                    + " FOR NO KEY UPDATE")) {
      select.setString(1, owned.subscription());
      select.setInt(2, owned.slot().index());
      select.setLong(3, owned.fence());
      select.setObject(4, instance);
      try (ResultSet row = select.executeQuery()) {
        if (!row.next()) {
          throw new LeaseLostException(owned.subscription(), owned.slot().index());
        }
        return cursor(row);
      }
    }
  }

  /** The windows that a slot has passed, newest first. */
  List<Cursor> passed(SlotLease owned) throws SQLException {
    List<Cursor> passed = new ArrayList<>();
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT window_n, window_id FROM tenon.passed_window"
                    + " WHERE subscription = ? AND slot = ? ORDER BY window_n DESC LIMIT ?")) {
      select.setString(1, owned.subscription());
      select.setInt(2, owned.slot().index());
      select.setInt(3, PASSED_WINDOWS_MAX);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          passed.add(Cursor.endOf(row.getLong(1), row.getObject(2, UUID.class)));
        }
      }
    }
    return passed;
  }

  /** Keeps the recent passed windows, and a few of the older ones. */
  void thinPassed(SlotLease owned) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement delete =
            tables.prepare(
                connection,
                "WITH recent AS (SELECT window_n FROM tenon.passed_window"
                    + " WHERE subscription = ? AND slot = ? ORDER BY window_n DESC"
                    + " OFFSET ? LIMIT 1)"
                    + " DELETE FROM tenon.passed_window p USING recent"
                    + " WHERE p.subscription = ? AND p.slot = ? AND p.window_n < recent.window_n"
                    + " AND (p.window_n % ? <> 0 OR p.window_n < recent.window_n - ?)")) {
      delete.setString(1, owned.subscription());
      delete.setInt(2, owned.slot().index());
      delete.setInt(3, PASSED_WINDOWS_RECENT);
      delete.setString(4, owned.subscription());
      delete.setInt(5, owned.slot().index());
      delete.setInt(6, PASSED_WINDOWS_STRIDE);
      delete.setLong(7, (long) PASSED_WINDOWS_RECENT * PASSED_WINDOWS_STRIDE);
      delete.executeUpdate();
    }
  }

  /** Lists the slots of all subscriptions; those with so many failed keys are held. */
  List<Subscriptions.Slot> list(int failedKeysMax) throws SQLException {
    List<Subscriptions.Slot> slots = new ArrayList<>();
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT subscription, slot, coalesce(window_n, -1), owner::text,"
                    + " greatest(lease_until, 'epoch') AS lease_until,"
                    + " (SELECT count(*) FROM (SELECT DISTINCT order_key FROM tenon.retry r"
                    + " WHERE r.subscription = s.subscription AND r.slot = s.slot LIMIT ?) k) >= ?"
                    + " AS held FROM tenon.slot s ORDER BY 1, 2")) {
      select.setInt(1, failedKeysMax);
      select.setInt(2, failedKeysMax);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          slots.add(
              new Subscriptions.Slot(
                  row.getString(1),
                  row.getInt(2),
                  row.getLong(3),
                  Optional.ofNullable(row.getString(4)),
                  Sql.instant(row, "lease_until"),
                  row.getBoolean("held")));
        }
      }
    }
    return slots;
  }
}
