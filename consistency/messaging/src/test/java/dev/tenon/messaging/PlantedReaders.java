package dev.tenon.messaging;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import javax.sql.DataSource;

/** Ways to read the log that look right and are not. */
final class PlantedReaders {
  private static final String COLUMNS =
      "SELECT seq, id, key, convert_from(payload, 'UTF8')::bigint AS value FROM tenon.outbox ";

  private PlantedReaders() {}

  private static List<LogReader.Read> rows(PreparedStatement select, long window)
      throws SQLException {
    List<LogReader.Read> rows = new ArrayList<>();
    try (ResultSet row = select.executeQuery()) {
      while (row.next()) {
        rows.add(
            new LogReader.Read(
                window,
                row.getLong("seq"),
                row.getObject("id", UUID.class),
                row.getString("key"),
                row.getLong("value")));
      }
    }
    return rows;
  }

  /** Remembers the last sequence number: passes rows that are committed after a later one. */
  static final class BySequence implements LogReader {
    private final DataSource dataSource;
    private long last;

    BySequence(DataSource dataSource) {
      this.dataSource = dataSource;
    }

    @Override
    public String name() {
      return "by sequence";
    }

    @Override
    public List<Read> poll() throws SQLException {
      try (Connection connection = dataSource.getConnection();
          PreparedStatement select =
              connection.prepareStatement(COLUMNS + "WHERE seq > ? ORDER BY seq")) {
        select.setLong(1, last);
        List<Read> rows = rows(select, 0);
        last = rows.isEmpty() ? last : rows.getLast().seq();
        return rows;
      }
    }
  }

  /** Remembers a snapshot, but no commit keeps its transaction ids from being used again. */
  static final class ByRememberedSnapshot implements LogReader {
    private final DataSource dataSource;
    private String last = "1:1:";

    ByRememberedSnapshot(DataSource dataSource) {
      this.dataSource = dataSource;
    }

    @Override
    public String name() {
      return "by remembered snapshot";
    }

    @Override
    public List<Read> poll() throws SQLException {
      try (Connection connection = dataSource.getConnection()) {
        connection.setAutoCommit(false);
        connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        try (var statement = connection.createStatement();
            PreparedStatement select =
                connection.prepareStatement(
                    COLUMNS + "WHERE NOT pg_visible_in_snapshot(tx, ?::pg_snapshot) ORDER BY seq");
            ResultSet now = statement.executeQuery("SELECT pg_current_snapshot()::text")) {
          now.next();
          select.setString(1, last);
          List<Read> rows = rows(select, 0);
          last = now.getString(1);
          return rows;
        } finally {
          connection.rollback();
          connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
          connection.setAutoCommit(true);
        }
      }
    }
  }

  /** Reads windows, but takes the order of transaction ids for the order of commits. */
  static final class ByTransaction implements LogReader {
    private final DataSource dataSource;
    private final OutboxLog log;
    private long last;

    ByTransaction(DataSource dataSource, OutboxLog log) {
      this.dataSource = dataSource;
      this.log = log;
    }

    @Override
    public String name() {
      return "by transaction";
    }

    @Override
    public List<Read> poll() throws SQLException {
      log.closeWindow();
      long end = log.end().window();
      List<Read> read = new ArrayList<>();
      try (Connection connection = dataSource.getConnection();
          PreparedStatement select =
              connection.prepareStatement(
                  COLUMNS
                      + "WHERE pg_visible_in_snapshot(tx,"
                      + " (SELECT snapshot FROM tenon.outbox_window WHERE n = ?))"
                      + " AND NOT pg_visible_in_snapshot(tx,"
                      + " (SELECT snapshot FROM tenon.outbox_window WHERE n = ?))"
                      + " ORDER BY tx, seq")) {
        for (long n = last + 1; n <= end; n++) {
          select.setLong(1, n);
          select.setLong(2, n - 1);
          read.addAll(rows(select, n));
        }
      }
      last = end;
      return read;
    }
  }
}
