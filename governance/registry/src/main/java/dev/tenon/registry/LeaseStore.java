package dev.tenon.registry;

import static java.util.Objects.requireNonNull;

import dev.tenon.registry.Changes.Change;
import dev.tenon.registry.Changes.Reach;
import dev.tenon.registry.Changes.Reason;
import dev.tenon.registry.Registration.State;
import dev.tenon.runtime.Json;
import dev.tenon.transaction.spi.LocalCommit;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import javax.sql.DataSource;

/**
 * The instances of all services in the platform database. Thread-safe; any number of processes may
 * share the database.
 *
 * <p><b>Numbers.</b> Each change takes its number from one row, whose lock it holds until its
 * commit. So the order of the numbers is the order of the commits, and who has seen all up to a
 * number has missed none below it; a sequence would not give that. Renewals are no changes.
 *
 * <p><b>Time</b> is the database's, in every comparison.
 */
final class LeaseStore {
  /** The most instances of all services together. */
  static final int INSTANCES_MAX = 50_000;

  /** So many of the last numbers can be told as changes; who is further behind gets all. */
  static final int NUMBERS_KEPT = 10_000;

  /**
   * If no server process was there for so long, nobody's lease ends before a whole one from now.
   */
  static final Duration ABSENCE_MAX = Duration.ofSeconds(5);

  /** Told to who listens, with the number of the last change. */
  static final String CHANNEL = "tenon_registry";

  private static final String MILLIS = "clock_timestamp() + ? * interval '1 ms'";

  private static final String KEEP =
      """
      update registry_instance set lease_until = %s
      where service = ? and id = ? and epoch = ? and body = ? and state = 'UP'
      returning version
      """
          .formatted(MILLIS);

  private static final String NEXT =
      """
      update registry_state set version = version + 1
      returning version, pg_notify('%s', version::text)
      """
          .formatted(CHANNEL);

  private static final String PUT =
      """
      insert into registry_instance as i (service, id, epoch, state, body, lease_until, version)
      values (?, ?, ?, 'UP', ?, %s, ?)
      on conflict (service, id) do update set epoch = excluded.epoch, state = excluded.state,
        body = excluded.body, lease_until = excluded.lease_until, version = excluded.version
      where i.epoch <= excluded.epoch
      returning xmax = 0 as new
      """
          .formatted(MILLIS);

  private static final String COUNT =
      "update registry_state set instances = instances + ? returning instances";

  private static final String RENEW =
      """
      update registry_instance i set lease_until = %s
      from (select * from unnest(?::text[], ?::uuid[], ?::bigint[]) as k (service, id, epoch)
        order by 1, 2) as k
      where i.service = k.service and i.id = k.id and i.epoch = k.epoch
      returning i.service, i.id, i.epoch
      """
          .formatted(MILLIS);

  private static final String CHANGE =
      """
      update registry_instance set state = ?, version = ?
      where service = ? and id = ? and epoch = ? and state <> ?
      """;

  private static final String REMOVE =
      """
      with gone as (delete from registry_instance where %s returning service, id, epoch)
      insert into registry_gone (version, service, id, epoch, reason)
      select ?, service, id, epoch, ? from gone returning service, id, epoch
      """;

  private static final String LEFT = "service = ? and id = ? and epoch = ?";
  private static final String OVER = "lease_until < clock_timestamp()";

  private static final String ALIVE =
      """
      update registry_state set alive_at = clock_timestamp(),
        expire_after = case when alive_at < clock_timestamp() - ? * interval '1 ms'
          then %s else expire_after end
      returning expire_after <= clock_timestamp() as expires
      """
          .formatted(MILLIS);

  private static final String CENSUS =
      "select count(*) as instances, count(*) filter (where %s) as over from registry_instance"
          .formatted(OVER);

  private static final String CHANGES =
      """
      with asked as (
        select history, version, ? < forgotten or ? > version or history <> ? as whole
        from registry_state)
      select a.history, a.version as last, a.whole, c.* from asked a left join lateral (
        select i.version, i.service, i.id, i.epoch, i.state, i.body, null as reason
        from registry_instance i where a.whole or i.version > ?
        union all
        select g.version, g.service, g.id, g.epoch, null, null, g.reason
        from registry_gone g where not a.whole and g.version > ?) as c on true
      order by c.version, c.service, c.id
      """;

  private static final String FORGET =
      """
      with bound as (select version - ? as up_to from registry_state),
      gone as (delete from registry_gone where version <= (select up_to from bound)
        returning version)
      update registry_state set forgotten = greatest(forgotten, (select max(version) from gone))
      where exists (select from gone)
      """;

  private final DataSource dataSource;
  private final Duration lease;

  /**
   * Makes one.
   *
   * @param dataSource of the platform database, whose migrations have run
   * @param lease how long an instance stays without a renewal
   */
  LeaseStore(DataSource dataSource, Duration lease) {
    this.dataSource = requireNonNull(dataSource, "dataSource");
    this.lease = requireNonNull(lease, "lease");
  }

  /** Another incarnation of the instance is registered. */
  private static final class FencedException extends SQLException {
    private static final long serialVersionUID = 1L;
  }

  /** What has become of the leases that are over. */
  sealed interface Expiry {
    /** These have gone. */
    record Expired(List<Lease> leases) implements Expiry {}

    /** None has gone, as there are too many of them. */
    record Paused(int instances, int over) implements Expiry {}

    /** None has gone, as nobody could renew for a while. */
    record Waiting() implements Expiry {}
  }

  /**
   * Registers an instance, or says that it is as it was. It may be repeated.
   *
   * @param epoch of the lease that the instance has; 0 if it has none, as it begins
   * @return its lease and number; empty if a later incarnation is registered
   */
  Optional<Registration> register(Instance instance, long epoch) {
    String body = new String(Json.write(instance), StandardCharsets.UTF_8);
    try {
      return run(
          "register an instance of " + instance.service(),
          connection -> Optional.of(register(connection, instance, body, epoch)));
    } catch (RegistryException e) {
      if (e.getCause() instanceof FencedException) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private Registration register(Connection connection, Instance instance, String body, long epoch)
      throws SQLException {
    try (PreparedStatement keep = connection.prepareStatement(KEEP)) {
      keep.setLong(1, lease.toMillis());
      keep.setString(2, instance.service());
      keep.setObject(3, instance.id());
      keep.setLong(4, epoch);
      keep.setString(5, body);
      try (ResultSet row = keep.executeQuery()) {
        if (row.next()) {
          return new Registration(instance, epoch, State.UP, row.getLong("version"));
        }
      }
    }
    long version = next(connection);
    long newEpoch = epoch == 0 ? version : epoch;
    try (PreparedStatement put = connection.prepareStatement(PUT)) {
      put.setString(1, instance.service());
      put.setObject(2, instance.id());
      put.setLong(3, newEpoch);
      put.setString(4, body);
      put.setLong(5, lease.toMillis());
      put.setLong(6, version);
      try (ResultSet row = put.executeQuery()) {
        if (!row.next()) {
          throw new FencedException();
        }
        if (row.getBoolean("new")) {
          count(connection, 1);
        }
      }
    }
    return new Registration(instance, newEpoch, State.UP, version);
  }

  /**
   * Renews leases.
   *
   * @return those that are renewed; the others must register anew
   */
  Set<Lease> renew(Collection<Lease> leases) {
    return run(
        "renew " + leases.size() + " leases",
        connection -> {
          try (PreparedStatement renew = connection.prepareStatement(RENEW)) {
            renew.setLong(1, lease.toMillis());
            renew.setArray(2, array(connection, "text", leases.stream().map(Lease::service)));
            renew.setArray(3, array(connection, "uuid", leases.stream().map(Lease::id)));
            renew.setArray(4, array(connection, "bigint", leases.stream().map(Lease::epoch)));
            try (ResultSet row = renew.executeQuery()) {
              return new HashSet<>(leases(row));
            }
          }
        });
  }

  private static java.sql.Array array(
      Connection connection, String type, java.util.stream.Stream<?> values) throws SQLException {
    return connection.createArrayOf(type, values.toArray());
  }

  /** Says that no new calls are to go to an instance; whether the lease is still its own. */
  boolean drain(Lease one) {
    return run(
        "drain " + one,
        connection -> {
          long version = next(connection);
          try (PreparedStatement change = connection.prepareStatement(CHANGE)) {
            change.setString(1, State.DRAINING.name());
            change.setLong(2, version);
            bind(change, 3, one);
            change.setString(6, State.DRAINING.name());
            return done(connection, change.executeUpdate());
          }
        });
  }

  /** Takes an instance out; whether the lease was still its own. */
  boolean leave(Lease one) {
    return run(
        "deregister " + one,
        connection -> {
          long version = next(connection);
          try (PreparedStatement remove = connection.prepareStatement(REMOVE.formatted(LEFT))) {
            bind(remove, 1, one);
            remove.setLong(4, version);
            remove.setString(5, Reason.LEFT.name());
            int gone;
            try (ResultSet row = remove.executeQuery()) {
              gone = leases(row).size();
            }
            if (gone > 0) {
              count(connection, -gone);
            }
            return done(connection, gone);
          }
        });
  }

  /** Ends leases that are over, if so many may end; to be called by each server each second. */
  Expiry expire() {
    return run(
        "look for leases that are over",
        connection -> {
          if (!alive(connection)) {
            return new Expiry.Waiting();
          }
          try (PreparedStatement select = connection.prepareStatement(CENSUS);
              ResultSet row = select.executeQuery()) {
            row.next();
            int instances = row.getInt("instances");
            int over = row.getInt("over");
            return switch (ExpiryRule.of(instances, over)) {
              case NOTHING -> new Expiry.Expired(List.of());
              case PAUSE -> new Expiry.Paused(instances, over);
              case EXPIRE -> new Expiry.Expired(removeOver(connection));
            };
          }
        });
  }

  private boolean alive(Connection connection) throws SQLException {
    try (PreparedStatement alive = connection.prepareStatement(ALIVE)) {
      alive.setLong(1, ABSENCE_MAX.toMillis());
      alive.setLong(2, lease.toMillis());
      try (ResultSet row = alive.executeQuery()) {
        row.next();
        return row.getBoolean("expires");
      }
    }
  }

  private static List<Lease> removeOver(Connection connection) throws SQLException {
    long version = next(connection);
    try (PreparedStatement remove = connection.prepareStatement(REMOVE.formatted(OVER))) {
      remove.setLong(1, version);
      remove.setString(2, Reason.EXPIRED.name());
      List<Lease> gone;
      try (ResultSet row = remove.executeQuery()) {
        gone = leases(row);
      }
      count(connection, -gone.size());
      return gone;
    }
  }

  /**
   * What has changed after a number, as of one moment.
   *
   * @param history that the number is of
   * @param after the number; 0 for all
   */
  Changes changes(UUID history, long after) {
    return run(
        "read changes",
        connection -> {
          try (PreparedStatement select = connection.prepareStatement(CHANGES)) {
            select.setLong(1, after);
            select.setLong(2, after);
            select.setObject(3, history);
            select.setLong(4, after);
            select.setLong(5, after);
            try (ResultSet row = select.executeQuery()) {
              return changes(row);
            }
          }
        });
  }

  private static Changes changes(ResultSet row) throws SQLException {
    row.next();
    UUID history = row.getObject("history", UUID.class);
    long last = row.getLong("last");
    Reach reach = row.getBoolean("whole") ? Reach.ALL : Reach.SINCE;
    List<Change> list = new ArrayList<>();
    do {
      if (row.getString("service") != null) {
        list.add(change(row));
      }
    } while (row.next());
    return new Changes(history, last, reach, list);
  }

  private static Change change(ResultSet row) throws SQLException {
    long version = row.getLong("version");
    String reason = row.getString("reason");
    if (reason != null) {
      return new Change.Gone(version, lease(row), Reason.valueOf(reason));
    }
    byte[] body = row.getString("body").getBytes(StandardCharsets.UTF_8);
    return new Change.Put(
        new Registration(
            Json.read(body, Instance.class),
            row.getLong("epoch"),
            State.valueOf(row.getString("state")),
            version));
  }

  /** Forgets the oldest of those that have gone. */
  void forget() {
    run(
        "forget old changes",
        connection -> {
          try (PreparedStatement forget = connection.prepareStatement(FORGET)) {
            forget.setLong(1, NUMBERS_KEPT);
            return forget.executeUpdate();
          }
        });
  }

  private static long next(Connection connection) throws SQLException {
    try (PreparedStatement next = connection.prepareStatement(NEXT);
        ResultSet row = next.executeQuery()) {
      row.next();
      return row.getLong("version");
    }
  }

  private static void count(Connection connection, int more) throws SQLException {
    try (PreparedStatement count = connection.prepareStatement(COUNT)) {
      count.setInt(1, more);
      try (ResultSet row = count.executeQuery()) {
        row.next();
        if (more > 0 && row.getInt("instances") > INSTANCES_MAX) {
          throw new SQLException(
              "there are " + INSTANCES_MAX + " instances, and no more may be registered");
        }
      }
    }
  }

  /** What has changed nothing takes no number. */
  private static boolean done(Connection connection, int rows) throws SQLException {
    if (rows == 0) {
      connection.rollback();
    }
    return rows > 0;
  }

  private static void bind(PreparedStatement statement, int first, Lease one) throws SQLException {
    statement.setString(first, one.service());
    statement.setObject(first + 1, one.id());
    statement.setLong(first + 2, one.epoch());
  }

  private static List<Lease> leases(ResultSet row) throws SQLException {
    List<Lease> leases = new ArrayList<>();
    while (row.next()) {
      leases.add(lease(row));
    }
    return leases;
  }

  private static Lease lease(ResultSet row) throws SQLException {
    return new Lease(
        row.getString("service"), row.getObject("id", UUID.class), row.getLong("epoch"));
  }

  private <T> T run(String what, LocalCommit.Work<T> work) {
    try {
      return LocalCommit.run(dataSource, work);
    } catch (SQLException e) {
      throw new RegistryException(
          "Could not "
              + what
              + ": "
              + e.getMessage()
              + ". Check that the platform database can be reached, and try again.",
          e);
    }
  }
}
