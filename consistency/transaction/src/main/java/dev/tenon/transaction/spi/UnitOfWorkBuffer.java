package dev.tenon.transaction.spi;

import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnitOfWork;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a unit of work will write with its commit: records by recorder, the last checks, and what
 * runs after. Not thread-safe.
 */
public final class UnitOfWorkBuffer {
  private static final Logger log = LoggerFactory.getLogger(UnitOfWorkBuffer.class);

  private final List<Entry<?>> entries = new ArrayList<>();
  private final List<UnitOfWork.LastCheck> checks = new ArrayList<>();
  private final List<Runnable> afterCommit = new ArrayList<>();
  private final List<Consumer<UnitOfWork.Ending>> afterEnd = new ArrayList<>();

  private record Entry<R>(UnitOfWork.Recorder<R> recorder, R record) {}

  /** A place in the buffer to return to. */
  public record Mark(int entries, int checks, int afterCommit, int afterEnd) {}

  /** Creates an empty buffer. */
  public UnitOfWorkBuffer() {}

  /**
   * Adds a record.
   *
   * @param recorder writes it
   * @param record what to write
   * @param <R> the kind of record
   */
  public <R> void record(UnitOfWork.Recorder<R> recorder, R record) {
    entries.add(new Entry<>(recorder, record));
  }

  /**
   * Adds a last check.
   *
   * @param check runs after all records are written
   */
  public void beforeCommit(UnitOfWork.LastCheck check) {
    checks.add(check);
  }

  /**
   * Adds an action.
   *
   * @param action runs after the commit
   */
  public void afterCommit(Runnable action) {
    afterCommit.add(action);
  }

  /**
   * Adds an action.
   *
   * @param action runs when the unit has ended
   */
  public void afterEnd(Consumer<UnitOfWork.Ending> action) {
    afterEnd.add(action);
  }

  /**
   * Remembers the present place, for a savepoint.
   *
   * @return the place
   */
  public Mark mark() {
    return new Mark(entries.size(), checks.size(), afterCommit.size(), afterEnd.size());
  }

  /**
   * Drops what was added after a place, when its savepoint is rolled back to.
   *
   * @param mark the place
   */
  public void resetTo(Mark mark) {
    truncate(entries, mark.entries());
    truncate(checks, mark.checks());
    truncate(afterCommit, mark.afterCommit());
    truncate(afterEnd, mark.afterEnd());
  }

  /**
   * Writes all records, one batch a recorder, and then runs the last checks. The statements of
   * neighbours that are {@link BatchRecorder}s go together. What recorders add meanwhile is written
   * too.
   *
   * @param connection the unit's connection
   * @throws SQLException if a recorder or a check fails; the unit must be rolled back
   */
  public void flush(Connection connection) throws SQLException {
    while (!entries.isEmpty()) {
      Set<UnitOfWork.Recorder<?>> recorders = new LinkedHashSet<>();
      List<Entry<?>> batch = List.copyOf(entries);
      entries.clear();
      batch.forEach(entry -> recorders.add(entry.recorder()));
      StatementBatch statements = new StatementBatch(connection);
      for (UnitOfWork.Recorder<?> recorder : recorders) {
        write(recorder, batch, statements);
      }
      statements.run();
    }
    for (UnitOfWork.LastCheck check : checks) {
      check.check(connection);
    }
    checks.clear();
    if (!entries.isEmpty()) {
      throw new TransactionException(
          "Could not write a record: it was added by the last check before the commit. Add it"
              + " earlier.");
    }
  }

  /**
   * Runs the actions that wait for the end, in the order in which they were added, those that wait
   * for a commit first. One that throws is logged and the others run: the unit has ended, and the
   * caller must not be told otherwise. A second call does nothing.
   *
   * @param ending how the unit ended
   */
  public void ended(UnitOfWork.Ending ending) {
    List<Runnable> actions = new ArrayList<>();
    if (ending == UnitOfWork.Ending.COMMITTED) {
      actions.addAll(afterCommit);
    }
    afterEnd.forEach(action -> actions.add(() -> action.accept(ending)));
    afterCommit.clear();
    afterEnd.clear();
    for (Runnable action : actions) {
      try {
        action.run();
      } catch (RuntimeException e) {
        log.atWarn()
            .addKeyValue("ending", ending)
            .setCause(e)
            .log("an action after the end of a unit of work failed; its end stands");
      }
    }
  }

  @SuppressWarnings("unchecked") // the record was added with this very recorder
  private static <R> void write(
      UnitOfWork.Recorder<R> recorder, List<Entry<?>> batch, StatementBatch statements)
      throws SQLException {
    List<R> records = new ArrayList<>(batch.size());
    for (Entry<?> entry : batch) {
      if (entry.recorder().equals(recorder)) {
        records.add((R) entry.record());
      }
    }
    if (recorder instanceof BatchRecorder<R> together) {
      together.collect(statements, records);
    } else {
      statements.run();
      recorder.write(statements.connection(), records);
    }
  }

  private static void truncate(List<?> list, int size) {
    list.subList(size, list.size()).clear();
  }
}
