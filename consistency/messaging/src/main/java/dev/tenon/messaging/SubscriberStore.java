package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;

/** How far each subscriber of this service's log has committed. Thread-safe. */
final class SubscriberStore {
  private final DataSource dataSource;
  private final TenonTables tables;
  private final int subscriptionsMax;

  /**
   * Creates it.
   *
   * @param subscriptionsMax how many subscriptions one subscriber may have
   */
  SubscriberStore(DataSource dataSource, TenonTables tables, int subscriptionsMax) {
    this.dataSource = dataSource;
    this.tables = tables;
    this.subscriptionsMax = subscriptionsMax;
  }

  /**
   * Reports may be lost or come late: a slot's position is what the newest one says.
   *
   * @return whether it was stored; false if it would be one subscription too many
   */
  boolean report(FeedReport report) throws SQLException {
    Cursor cursor = report.cursor();
    try (Connection connection = dataSource.getConnection();
        PreparedStatement upsert =
            tables.prepare(
                connection,
                "INSERT INTO tenon.subscriber"
                    + " (subscriber, subscription, slot, slots, window_n, seq)"
                    + " SELECT ?, ?, ?, ?, ?, ?"
                    + " WHERE EXISTS (SELECT 1 FROM tenon.subscriber"
                    + " WHERE subscriber = ? AND subscription = ?)"
                    + " OR (SELECT count(DISTINCT subscription) FROM tenon.subscriber"
                    + " WHERE subscriber = ?) < ?"
                    + " ON CONFLICT (subscriber, subscription, slot) DO UPDATE SET"
                    + " slots = excluded.slots, window_n = excluded.window_n,"
                    + " seq = excluded.seq, reported_at = clock_timestamp()")) {
      upsert.setString(1, report.subscriber());
      upsert.setString(2, report.subscription());
      upsert.setInt(3, report.slot().index());
      upsert.setInt(4, report.slot().count());
      upsert.setLong(5, cursor.window());
      upsert.setLong(6, cursor.seq());
      upsert.setString(7, report.subscriber());
      upsert.setString(8, report.subscription());
      upsert.setString(9, report.subscriber());
      upsert.setInt(10, subscriptionsMax);
      return upsert.executeUpdate() == 1;
    }
  }

  int forget(String subscriber, String subscription) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement delete =
            tables.prepare(
                connection,
                "DELETE FROM tenon.subscriber WHERE subscriber = ? AND subscription = ?")) {
      delete.setString(1, subscriber);
      delete.setString(2, subscription);
      return delete.executeUpdate();
    }
  }

  List<Subscriptions.Subscriber> list() throws SQLException {
    List<Subscriptions.Subscriber> found = new ArrayList<>();
    try (Connection connection = dataSource.getConnection();
        PreparedStatement select =
            tables.prepare(
                connection,
                "SELECT s.subscriber, s.subscription, s.slot, s.window_n, s.reported_at,"
                    + " (SELECT total FROM tenon.outbox_window ORDER BY n DESC LIMIT 1)"
                    + " - coalesce((SELECT total FROM tenon.outbox_window WHERE n <= s.window_n"
                    + " ORDER BY n DESC LIMIT 1),"
                    + " (SELECT total FROM tenon.outbox_window ORDER BY n LIMIT 1)) AS lag"
                    + " FROM tenon.subscriber s ORDER BY 1, 2, 3");
        ResultSet row = select.executeQuery()) {
      while (row.next()) {
        found.add(
            new Subscriptions.Subscriber(
                row.getString(1),
                row.getString(2),
                row.getInt(3),
                row.getLong(4),
                row.getLong("lag"),
                Sql.instant(row, "reported_at")));
      }
    }
    return found;
  }
}
