package dev.tenon.cli;

import dev.tenon.cli.AuditReport.Difference;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What is still under way in a service's database, and must come to an end by itself.
 *
 * @param what what it is, and in which service
 * @param count how many
 * @param examples some of them
 * @param inAudit whether the audit shows each of them too
 */
record OpenWork(String what, int count, List<String> examples, boolean inAudit) {
  private static final int EXAMPLES_MAX = 5;
  private static final String ORDER_SERVICE = "order";

  /** Where to look in the service order, besides. */
  private static final Search ORDERS =
      new Search(
          "orders without an outcome",
          "select mode || ' ' || order_no from orders where status = 'PENDING'",
          true);

  /** Where to look, in each service. */
  private record Search(String what, String sql, boolean inAudit) {}

  private static final List<Search> SEARCHES =
      List.of(
          new Search(
              "branches that are open",
              "select state || ' ' || xid || ' ' || step || ' ' || coalesce(error, '')"
                  + " from tenon.branch where state not in ('COMMITTED', 'ABORTED')",
              true),
          new Search(
              "decisions that were not told to all",
              "select outcome || ' ' || xid || ' ' || coalesce(problem, '')"
                  + " from tenon.global_decision where acknowledged_at is null",
              true),
          new Search(
              "sagas that have not ended",
              "select state || ' ' || xid || ' ' || id || ' ' || coalesce(error, '')"
                  + " from tenon.saga where state not in ('DONE', 'ABORTED')",
              true),
          new Search(
              "locks of AT branches",
              "select place::regclass::text || ' ' || kind::text || ' ' || xid from tenon.row_lock",
              true),
          new Search(
              "images of AT branches",
              "select rel::text || ' ' || branch from tenon.row_image",
              true),
          new Search(
              "prepared transactions",
              "select gid from pg_prepared_xacts where database = current_database()",
              true),
          new Search(
              "messages that are held for a branch",
              "select topic || ' ' || coalesce(key, '') from tenon.branch_message",
              false),
          new Search(
              "messages that are late",
              "select topic || ' ' || coalesce(key, '') from tenon.delayed",
              false),
          new Search(
              "messages that were set aside",
              "select topic || ' ' || coalesce(key, '') || ' ' || coalesce(error, '')"
                  + " from tenon.retry",
              false));

  /**
   * Looks once at all services.
   *
   * @throws SQLException if a database cannot be read
   */
  static List<OpenWork> find(ServiceLogins logins) throws SQLException {
    List<OpenWork> found = new ArrayList<>();
    for (String service : DemoHome.SERVICES) {
      try (Connection connection = logins.connect(service)) {
        for (Search search : SEARCHES) {
          look(connection, search, service).ifPresent(found::add);
        }
        if (service.equals(ORDER_SERVICE)) {
          look(connection, ORDERS, service).ifPresent(found::add);
        }
      }
    }
    return found;
  }

  private static Optional<OpenWork> look(Connection connection, Search search, String service)
      throws SQLException {
    List<String> examples = new ArrayList<>();
    int count = 0;
    try (PreparedStatement statement = connection.prepareStatement(search.sql);
        ResultSet row = statement.executeQuery()) {
      while (row.next()) {
        count++;
        if (examples.size() < EXAMPLES_MAX) {
          examples.add(row.getString(1).strip());
        }
      }
    }
    String what = search.what + " in " + service;
    return count == 0
        ? Optional.empty()
        : Optional.of(new OpenWork(what, count, List.copyOf(examples), search.inAudit));
  }

  /** For people. */
  String text() {
    return count + " " + what;
  }

  Difference difference() {
    return new Difference(
        Optional.empty(), what, "none", count + ": " + String.join("; ", examples));
  }
}
