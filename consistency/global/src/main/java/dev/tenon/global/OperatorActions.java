package dev.tenon.global;

import dev.tenon.transaction.spi.TenonTables;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What people did by hand, and why: written by the commit of what they did. */
final class OperatorActions {
  private final TenonTables tables;

  OperatorActions(TenonTables tables) {
    this.tables = tables;
  }

  /** Adds one to the open transaction, whose commit is made durable. */
  void add(
      Connection connection,
      OpenTransactions.Part part,
      String action,
      String found,
      Operator operator)
      throws SQLException {
    try (PreparedStatement insert =
        tables.prepare(
            connection,
            "WITH durable AS ("
                + TenonTables.FORCE_DURABLE
                + ") INSERT INTO tenon.operator_action (who, why, action, xid, step, found)"
                + " SELECT ?::text, ?::text, ?::text, ?::text, ?::text, ?::text FROM durable")) {
      insert.setString(1, operator.who());
      insert.setString(2, operator.why());
      insert.setString(3, action);
      insert.setString(4, part.xid().text());
      insert.setString(5, part.step());
      insert.setString(6, found);
      insert.executeUpdate();
    }
  }

  /** The last ones of each transaction, the oldest first. */
  Map<String, List<OpenTransaction.Action>> of(Connection connection, List<String> xids)
      throws SQLException {
    Map<String, List<OpenTransaction.Action>> found = new HashMap<>();
    try (PreparedStatement select =
        tables.prepare(
            connection,
            "SELECT * FROM (SELECT id, done_at, who, why, action, xid, step, found,"
                + " row_number() OVER (PARTITION BY xid ORDER BY id DESC) AS place"
                + " FROM tenon.operator_action WHERE xid = ANY (?)) AS a"
                + " WHERE place <= ? ORDER BY id")) {
      select.setArray(1, connection.createArrayOf("text", xids.toArray()));
      select.setInt(2, OpenTransactions.ACTIONS_MAX);
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          found
              .computeIfAbsent(row.getString("xid"), xid -> new ArrayList<>())
              .add(
                  new OpenTransaction.Action(
                      DecisionStore.instant(row, "done_at"),
                      new Operator(row.getString("who"), row.getString("why")),
                      row.getString("action"),
                      Optional.ofNullable(row.getString("step")),
                      row.getString("found")));
        }
      }
    }
    return found;
  }
}
