package dev.tenon.transaction.spi;

import dev.tenon.transaction.UnitOfWork;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;

/**
 * Writes records by statements that go to the database in one round trip with those of the
 * recorders beside it. Thread-safe if its collector is.
 *
 * @param <R> the kind of record
 */
public final class BatchRecorder<R> implements UnitOfWork.Recorder<R> {
  private final Collector<R> collector;

  /**
   * Makes the statements of records.
   *
   * @param <R> the kind of record
   */
  @FunctionalInterface
  public interface Collector<R> {
    /**
     * Adds the statements of a batch of records. Those that were added before, by other recorders,
     * have not run yet: who depends on them, or needs the connection, runs the batch first.
     *
     * @param batch takes them
     * @param records what to write; in the order it was recorded, never empty
     * @throws SQLException to roll the unit back
     */
    void collect(StatementBatch batch, List<R> records) throws SQLException;
  }

  /**
   * Makes one. It is the same as itself only.
   *
   * @param collector makes the statements
   */
  public BatchRecorder(Collector<R> collector) {
    this.collector = collector;
  }

  void collect(StatementBatch batch, List<R> records) throws SQLException {
    collector.collect(batch, records);
  }

  @Override
  public void write(Connection connection, List<R> records) throws SQLException {
    StatementBatch batch = new StatementBatch(connection);
    collect(batch, records);
    batch.run();
  }
}
