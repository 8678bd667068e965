package dev.tenon.messaging;

import dev.tenon.runtime.IdGenerator;
import dev.tenon.transaction.spi.LocalCommit;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.UUID;
import javax.sql.DataSource;

/**
 * Writes like services do, and worse. Each message counts its key, under the lock of the key's row,
 * and is noted in a table by the same commit, which so says what is to be read, and in what order.
 */
final class LogWriter {

  static final int KEYS = 20;
  private static final int BIG = 250;

  /** It does not exist, or is in the hands of another session. */
  private static final Set<String> FINISHED_BY_ANOTHER = Set.of("42704", "55000");

  private final DataSource dataSource;
  private final OutboxLog log;

  LogWriter(DataSource dataSource, OutboxLog log) {
    this.dataSource = dataSource;
    this.log = log;
  }

  static void createTables(DataSource dataSource) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        var statement = connection.createStatement()) {
      statement.execute("CREATE TABLE counter (key text PRIMARY KEY, value bigint NOT NULL)");
      statement.execute(
          "INSERT INTO counter SELECT 'k' || i, 0 FROM generate_series(0, " + (KEYS - 1) + ") i");
      statement.execute("INSERT INTO counter VALUES ('pinned', 0), ('scene', 0), ('other', 0)");
      statement.execute(
          "CREATE TABLE expected (id uuid PRIMARY KEY, key text NOT NULL, value bigint NOT NULL)");
    }
  }

  /** Publishes the key's next values, in the open transaction. */
  void publish(Connection connection, String key, int count) throws SQLException {
    List<OutboxLog.NewMessage> messages = new ArrayList<>();
    try (PreparedStatement update =
            connection.prepareStatement(
                "UPDATE counter SET value = value + ? WHERE key = ? RETURNING value");
        PreparedStatement note =
            connection.prepareStatement("INSERT INTO expected VALUES (?, ?, ?)")) {
      update.setInt(1, count);
      update.setString(2, key);
      long last;
      try (ResultSet row = update.executeQuery()) {
        row.next();
        last = row.getLong(1);
      }
      for (long value = last - count + 1; value <= last; value++) {
        UUID id = IdGenerator.system().next();
        byte[] payload = Long.toString(value).getBytes(StandardCharsets.US_ASCII);
        messages.add(new OutboxLog.NewMessage(id, "counted", Optional.of(key), 1, "{}", payload));
        note.setObject(1, id);
        note.setString(2, key);
        note.setLong(3, value);
        note.addBatch();
      }
      note.executeBatch();
    }
    log.append(connection, messages);
  }

  /** One transaction with one message. */
  void publish(String key) throws SQLException {
    LocalCommit.run(
        dataSource,
        connection -> {
          publish(connection, key, 1);
          return true;
        });
  }

  /** One transaction of a kind that the random source chooses. */
  void any(SplittableRandom random) throws SQLException, InterruptedException {
    try (Connection connection = dataSource.getConnection()) {
      connection.setAutoCommit(false);
      boolean done = false;
      try {
        if (random.nextInt(4) == 0) {
          startEarly(connection);
        }
        done = write(connection, random);
      } finally {
        if (!done) {
          rollback(connection);
        }
      }
      connection.setAutoCommit(true);
    }
  }

  private static void rollback(Connection connection) throws SQLException {
    if (!connection.isClosed()) {
      connection.rollback();
    }
  }

  /** Takes a transaction id long before the first write. */
  private static void startEarly(Connection connection) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute("SELECT pg_current_xact_id(), pg_sleep(0.003)");
    }
  }

  /** Returns whether the transaction was ended. */
  private boolean write(Connection connection, SplittableRandom random)
      throws SQLException, InterruptedException {
    TreeSet<String> keys = new TreeSet<>();
    int count = random.nextInt(1, 4);
    while (keys.size() < count) {
      keys.add("k" + random.nextInt(KEYS));
    }
    int kind = random.nextInt(100);
    for (String key : keys) {
      publish(connection, key, kind < 3 ? BIG : random.nextInt(1, 4));
      if (kind >= 80 && kind < 90) {
        savepoint(connection, key, random.nextBoolean());
      }
    }
    if (kind >= 60 && kind < 75) {
      return false;
    }
    if (kind >= 75 && kind < 80) {
      Thread.sleep(random.nextInt(20, 120));
    }
    if (kind >= 90 && kind < 95) {
      prepare(connection, random);
      return true;
    }
    connection.commit();
    return true;
  }

  private void savepoint(Connection connection, String key, boolean keep) throws SQLException {
    Savepoint savepoint = connection.setSavepoint();
    publish(connection, key, 2);
    if (keep) {
      connection.releaseSavepoint(savepoint);
      publish(connection, key, 1);
    } else {
      connection.rollback(savepoint);
    }
  }

  private void prepare(Connection connection, SplittableRandom random)
      throws SQLException, InterruptedException {
    String gid = "p" + random.nextLong();
    try (var statement = connection.createStatement()) {
      statement.execute("PREPARE TRANSACTION '" + gid + "'");
    }
    Thread.sleep(random.nextInt(10, 60));
    finish(gid, random.nextInt(4) > 0);
  }

  private void finish(String gid, boolean commit) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        var statement = connection.createStatement()) {
      statement.execute((commit ? "COMMIT" : "ROLLBACK") + " PREPARED '" + gid + "'");
    }
  }

  /** Finishes what a crash has left prepared, unless its writer does. */
  void finishPrepared() throws SQLException {
    List<String> gids = new ArrayList<>();
    try (Connection connection = dataSource.getConnection();
        var statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()")) {
      while (row.next()) {
        gids.add(row.getString(1));
      }
    }
    for (String gid : gids) {
      try {
        finish(gid, true);
      } catch (SQLException e) {
        if (!FINISHED_BY_ANOTHER.contains(e.getSQLState())) {
          throw e;
        }
      }
    }
  }
}
