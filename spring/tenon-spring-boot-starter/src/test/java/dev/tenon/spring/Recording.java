package dev.tenon.spring;

import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;

/** Stands for an outbox: records texts that are written into the table {@code recorded}. */
final class Recording implements UnitOfWork.Recorder<String> {
  static final String TABLE =
      "CREATE TABLE recorded (seq bigint GENERATED ALWAYS AS IDENTITY," + " text text NOT NULL)";

  private final Transactions transactions;

  Recording(Transactions transactions) {
    this.transactions = transactions;
  }

  void record(String text) {
    Optional<UnitOfWork> unit = transactions.current();
    unit.orElseThrow().record(this, text);
  }

  @Override
  public void write(Connection connection, List<String> records) throws SQLException {
    try (var insert = connection.prepareStatement("INSERT INTO recorded (text) VALUES (?)")) {
      for (String text : records) {
        insert.setString(1, text);
        insert.addBatch();
      }
      insert.executeBatch();
    }
  }
}
