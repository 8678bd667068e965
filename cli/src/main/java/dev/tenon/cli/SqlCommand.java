package dev.tenon.cli;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ./tenon sql}: for machines without psql. */
@Command(
    name = "sql",
    description = "Runs a statement in a service's own database, with the service's login.")
final class SqlCommand implements Callable<Integer> {
  @Mixin private final ServiceOptions target = new ServiceOptions();

  @Option(names = "--limit", description = "The most rows to print; 100 unless set.")
  private int limit = 100;

  @Parameters(paramLabel = "STATEMENT")
  private String sql = "";

  @Override
  public Integer call() {
    try (Connection connection = target.login().dataSource().getConnection();
        Statement statement = connection.createStatement()) {
      statement.setMaxRows(limit);
      if (statement.execute(sql)) {
        try (ResultSet rows = statement.getResultSet()) {
          System.out.println(table(rows));
        }
      } else {
        int rows = statement.getUpdateCount();
        System.out.println(rows + (rows == 1 ? " row changed." : " rows changed."));
      }
      return 0;
    } catch (SQLException e) {
      throw new CliException(
          "Could not run the statement [service=%s]: %s."
              .formatted(target.service(), e.getMessage()),
          e);
    }
  }

  private static Table table(ResultSet rows) throws SQLException {
    int columns = rows.getMetaData().getColumnCount();
    String[] headings = new String[columns];
    for (int i = 0; i < columns; i++) {
      headings[i] = rows.getMetaData().getColumnLabel(i + 1);
    }
    Table table = new Table(headings);
    while (rows.next()) {
      Object[] values = new Object[columns];
      for (int i = 0; i < columns; i++) {
        values[i] = String.valueOf(rows.getString(i + 1));
      }
      table.row(values);
    }
    return table;
  }
}
