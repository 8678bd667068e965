package dev.tenon.cli;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * Measures, by SQL, how long it takes until what an instance of {@code order} had under way, and
 * did not give up, is another one's or done. Thread-safe.
 */
final class Takeovers {
  /** What is not taken over by then is told as such. */
  static final Duration WATCH_MAX = Duration.ofSeconds(20);

  private static final String SERVICE = "order";
  private static final int POLL_MILLIS = 25;

  /** By then a living instance has renewed its lease of 3 s, which it does four times as often. */
  private static final Duration DECIDED = Duration.ofSeconds(2);

  /** Everything that has an owner: transactions to be told, sagas under way, slots. */
  private static final String OWNED =
      """
      SELECT 'TRANSACTION ' || xid, owner::text FROM tenon.global_decision
      WHERE acknowledged_at IS NULL AND owner IS NOT NULL
      UNION ALL SELECT 'SAGA ' || xid, owner::text FROM tenon.saga
      WHERE owner IS NOT NULL AND state IN ('RUNNING', 'FORWARD')
      UNION ALL SELECT 'SLOT ' || subscription || slot, owner::text FROM tenon.slot
      WHERE owner IS NOT NULL
      """;

  /** Signs of life: who has shown a later one lives. */
  private static final String SIGNS =
      """
      SELECT id::text, extract(epoch FROM lease_until) FROM tenon.global_instance
      UNION ALL SELECT id::text, extract(epoch FROM seen_at) FROM tenon.instance
      """;

  private final ServiceLogins logins;
  private final List<Takeover> found = new ArrayList<>();
  private int brokenOff;

  Takeovers(ServiceLogins logins) {
    this.logins = logins;
  }

  /** What an instance has under way. */
  enum Kind {
    TRANSACTION("transactions whose decision stands"),
    SAGA("sagas under way"),
    SLOT("slots of messages");

    private final String text;

    Kind(String text) {
      this.text = text;
    }

    String text() {
      return text;
    }
  }

  /**
   * What was taken over.
   *
   * @param count how many of the kind
   * @param millis until the last of them was another instance's, or done
   * @param complete whether all were, within {@link #WATCH_MAX}
   * @param twinWhole whether nothing was done meanwhile to the other instance and the database
   */
  record Takeover(Kind kind, int count, long millis, boolean complete, boolean twinWhole) {}

  synchronized List<Takeover> all() {
    return List.copyOf(found);
  }

  /** How many watches ended without a result, as their database went away meanwhile. */
  synchronized int brokenOff() {
    return brokenOff;
  }

  private synchronized void breakOff() {
    brokenOff++;
  }

  /**
   * Watches what becomes of the work of an instance that was stopped or killed just now. Returns
   * when all of it has another owner or is done, and the instance is told from the others, which
   * takes as long as a lease. A database that goes away ends the watch without a result, which is
   * counted.
   *
   * @param twinWhole whether nothing is being done to the other instance and the database now
   */
  void watch(BooleanSupplier twinWhole) throws InterruptedException {
    long begun = System.nanoTime();
    try (Connection connection = logins.connect(SERVICE)) {
      Map<String, String> before = owned(connection);
      Map<String, Double> signs = signs(connection);
      Map<String, Long> changed = new HashMap<>();
      Set<String> living = new HashSet<>();
      long elapsed = 0;
      boolean settled = false;
      boolean whole = true;
      while (!settled && elapsed < WATCH_MAX.toMillis()) {
        Thread.sleep(POLL_MILLIS);
        whole &= twinWhole.getAsBoolean();
        Map<String, String> now = owned(connection);
        elapsed = (System.nanoTime() - begun) / 1_000_000;
        for (Map.Entry<String, String> one : before.entrySet()) {
          if (!one.getValue().equals(now.get(one.getKey()))) {
            changed.putIfAbsent(one.getKey(), elapsed);
          }
        }
        signs(connection)
            .forEach(
                (id, sign) -> {
                  if (sign > signs.getOrDefault(id, 0.0)) {
                    living.add(id);
                  }
                });
        boolean allTaken =
            before.entrySet().stream()
                .allMatch(
                    one -> living.contains(one.getValue()) || changed.containsKey(one.getKey()));
        settled = allTaken && elapsed > DECIDED.toMillis();
      }
      note(before, changed, living, whole);
    } catch (SQLException e) {
      breakOff(); // the database was killed meanwhile: nothing can be measured
    }
  }

  private synchronized void note(
      Map<String, String> before, Map<String, Long> changed, Set<String> living, boolean whole) {
    for (Kind kind : Kind.values()) {
      List<String> orphans =
          before.entrySet().stream()
              .filter(one -> one.getKey().startsWith(kind.name()))
              .filter(one -> !living.contains(one.getValue()))
              .map(Map.Entry::getKey)
              .toList();
      if (!orphans.isEmpty()) {
        long last =
            orphans.stream()
                .mapToLong(one -> changed.getOrDefault(one, WATCH_MAX.toMillis()))
                .max()
                .orElse(0);
        found.add(
            new Takeover(kind, orphans.size(), last, changed.keySet().containsAll(orphans), whole));
      }
    }
  }

  private static Map<String, String> owned(Connection connection) throws SQLException {
    Map<String, String> owners = new HashMap<>();
    try (PreparedStatement statement = connection.prepareStatement(OWNED);
        ResultSet row = statement.executeQuery()) {
      while (row.next()) {
        owners.put(row.getString(1), row.getString(2));
      }
    }
    return owners;
  }

  private static Map<String, Double> signs(Connection connection) throws SQLException {
    Map<String, Double> signs = new HashMap<>();
    try (PreparedStatement statement = connection.prepareStatement(SIGNS);
        ResultSet row = statement.executeQuery()) {
      while (row.next()) {
        signs.put(row.getString(1), row.getDouble(2));
      }
    }
    return signs;
  }
}
