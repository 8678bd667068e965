package dev.tenon.cli;

import dev.tenon.cli.AuditReport.Difference;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What is still under way in the services' databases, and must come to an end by itself: branches,
 * decisions that were not told to all, sagas, messages that are held, late or set aside, and orders
 * without an outcome; and what must never be: stock below zero, or not as its movements say.
 */
final class OpenWork {
  private static final int EXAMPLES_MAX = 5;

  /** In each service: what it is, and how to find it. */
  private static final Map<String, String> EVERYWHERE = new LinkedHashMap<>();

  private static final Map<String, Map<String, String>> ALONE =
      Map.of(
          "order",
          Map.of(
              "order without outcome",
              "select order_no || ' ' || status from orders where status = 'PENDING'"),
          "inventory",
          Map.of(
              "stock below zero",
              "select stock_code || ' ' || on_hand from stock where on_hand < 0",
              "stock that is not the sum of its movements",
              """
              select s.stock_code || ' ' || s.on_hand from stock s
              where s.on_hand <> (select coalesce(sum(m.quantity), 0) from stock_movement m
                where m.stock_code = s.stock_code)
              """));

  static {
    EVERYWHERE.put(
        "branch that is open",
        "select state || ' ' || xid || ' ' || step || ' ' || coalesce(error, '') from tenon.branch"
            + " where state not in ('COMMITTED', 'ABORTED')");
    EVERYWHERE.put(
        "decision that was not told to all",
        "select outcome || ' ' || xid || ' ' || coalesce(problem, '') from tenon.global_decision"
            + " where acknowledged_at is null");
    EVERYWHERE.put(
        "saga that has not ended",
        "select state || ' ' || xid || ' ' || id || ' ' || coalesce(error, '') from tenon.saga"
            + " where ended_at is null");
    EVERYWHERE.put(
        "message that is held for a branch", "select holder::text from tenon.branch_message");
    EVERYWHERE.put("message that is late", "select id::text from tenon.delayed");
    EVERYWHERE.put(
        "message that was set aside",
        "select topic || ' ' || coalesce(key, '') || ' ' || coalesce(error, '') from tenon.retry");
  }

  private OpenWork() {}

  /**
   * Looks once at all services.
   *
   * @return what there is, as a difference for each kind and service, with some examples
   * @throws SQLException if a database cannot be read
   */
  static List<Difference> find(ServiceLogins logins) throws SQLException {
    List<Difference> found = new ArrayList<>();
    for (String service : DemoHome.SERVICES) {
      try (Connection connection = logins.connect(service)) {
        Map<String, String> kinds = new LinkedHashMap<>(EVERYWHERE);
        kinds.putAll(ALONE.getOrDefault(service, Map.of()));
        for (Map.Entry<String, String> kind : kinds.entrySet()) {
          look(connection, kind.getKey() + " in " + service, kind.getValue(), found);
        }
      }
    }
    return found;
  }

  private static void look(Connection connection, String what, String sql, List<Difference> found)
      throws SQLException {
    List<String> examples = new ArrayList<>();
    int count = 0;
    try (PreparedStatement statement = connection.prepareStatement(sql);
        ResultSet row = statement.executeQuery()) {
      while (row.next()) {
        count++;
        if (examples.size() < EXAMPLES_MAX) {
          examples.add(row.getString(1).strip());
        }
      }
    }
    if (count > 0) {
      found.add(new Difference(what, "none", count + ": " + String.join("; ", examples)));
    }
  }
}
